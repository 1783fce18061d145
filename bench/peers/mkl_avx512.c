// Preloaded, lets MKL take its AVX-512 path on a CPU that has AVX-512 and is not Intel's. No user gets that.
int mkl_serv_intel_cpu_true(void) { return 1; }

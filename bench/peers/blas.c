// Times sgemm of any BLAS that is a shared library: what Python around it would cost is not in the figures.
//   blas LIBRARY SGEMM [FUNCTION]: the last gives a text about the library, printed as the first line
// A line in: `nn|tn|nt m k n seconds`, the row-major product [m,k]·[k,n] with the left or right operand given
// transposed. A line out: microseconds of one product.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// 64-bit integers by reference are read alike by libraries that take 32 bits.
typedef void (*Sgemm)(const char*, const char*, const int64_t*, const int64_t*, const int64_t*, const float*,
                      const float*, const int64_t*, const float*, const int64_t*, const float*, float*,
                      const int64_t*);

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float* matrix(int64_t size) {
  float* data = aligned_alloc(64, (size_t)((4 * size + 63) / 64 * 64));
  for (int64_t i = 0; i < size; ++i) data[i] = (float)(i % 251) / 251.0f - 0.5f;
  return data;
}

int main(int argc, char** argv) {
  void* library = argc < 3 ? NULL : dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  Sgemm sgemm = library == NULL ? NULL : (Sgemm)(intptr_t)dlsym(library, argv[2]);
  if (sgemm == NULL) {
    fprintf(stderr, "blas: %s\n", argc < 3 ? "LIBRARY SGEMM [FUNCTION]" : dlerror());
    return 2;
  }
  // Some give a text, MKL fills a buffer.
  const char* (*about)(char*, int) = NULL;
  if (argc > 3) about = (const char* (*)(char*, int))(intptr_t)dlsym(library, argv[3]);
  char buffer[256] = "";
  const char* text = about == NULL ? "" : about(buffer, 255);
  printf("%s\n", buffer[0] != 0 ? buffer : text);
  fflush(stdout);
  char form[4];
  long long m, k, n;
  double seconds;
  while (scanf("%3s %lld %lld %lld %lf", form, &m, &k, &n, &seconds) == 5) {
    const int64_t rows = n, columns = m, depth = k;  // the transposed product, column by column
    const int left = strcmp(form, "tn") == 0, right = strcmp(form, "nt") == 0;
    const int64_t b_step = right ? k : n, a_step = left ? m : k;
    const float one = 1, zero = 0;
    float *a = matrix(m * k), *b = matrix(k * n), *c = matrix(m * n);
    int64_t calls = 1;
    double taken;
    // Twice at least: the first time warms up.
    for (int timed = 0;; timed = 1) {
      const double started = now();
      for (int64_t call = 0; call < calls; ++call) {
        sgemm(right ? "T" : "N", left ? "T" : "N", &rows, &columns, &depth, &one, b, &b_step, a, &a_step,
              &zero, c, &rows);
      }
      taken = now() - started;
      if (timed && taken >= 0.5 * seconds) break;
      const double wanted = taken > 0 ? seconds / taken * (double)calls : 1000;
      if (wanted > (double)calls) calls = (int64_t)(wanted < 64 * (double)calls ? wanted : 64 * (double)calls);
    }
    printf("%.4f\n", taken / (double)calls * 1e6);
    fflush(stdout);
    free(a);
    free(b);
    free(c);
  }
  return 0;
}

# What ships. CMakeLists.txt builds the same sources with the same flags for development;
# test/build/sources.test.ts compares the two.
{
  'target_defaults': {
    'include_dirs': ['native'],
    'cflags': ['-Wall', '-Wextra', '-O3', '-fPIC', '-fvisibility=hidden'],
    'cflags_cc': [
      '-std=c++17', '-fvisibility-inlines-hidden',
      '-fno-math-errno', '-fno-trapping-math', '-ffp-contract=off',
    ],
  },
  'variables': {
    # One object per instruction set: without exceptions and run-time types, which the objects would share.
    'isa_flags': ['-fno-exceptions', '-fno-rtti'],
    'conditions': [
      ['target_arch=="x64"', {'isa_targets': ['isa_scalar', 'isa_avx2', 'isa_avx512', 'isa_avx512_bf16']}],
      ['target_arch=="arm64"', {'isa_targets': ['isa_scalar', 'isa_neon']}],
    ],
  },
  'targets': [
    {
      'target_name': 'isa_scalar',
      'type': 'static_library',
      'sources': ['native/isa/scalar.cc'],
      # Vectors wider than the processor's are passed in memory, which GCC remarks on.
      'cflags_cc': ['<@(isa_flags)', '-Wno-psabi'],
    },
    {
      'target_name': 'runtime',
      'type': 'static_library',
      'sources': [
        'native/runtime/aliasing.cc',
        'native/runtime/calls.cc',
        'native/runtime/cpu.cc',
        'native/runtime/executor.cc',
        'native/runtime/job_queue.cc',
        'native/runtime/joint_run.cc',
        'native/runtime/memory.cc',
        'native/runtime/motion.cc',
        'native/runtime/sharing.cc',
        'native/runtime/program.cc',
        'native/runtime/rows.cc',
        'native/runtime/scheduling.cc',
        'native/runtime/signature.cc',
        'native/runtime/source_pages.cc',
        'native/runtime/steps.cc',
        'native/runtime/team.cc',
        'native/runtime/verify.cc',
        'native/runtime/verify_body.cc',
        'native/runtime/verify_rows.cc',
        'native/runtime/verify_tables.cc',
      ],
      'cflags_cc': ['-fopenmp'],
    },
    {
      'target_name': 'chainrule',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': [
        'native/binding/addon.cc',
        'native/binding/arguments.cc',
        'native/binding/pending_runs.cc',
        'native/binding/linked.cc',
        'native/binding/pin.cc',
        'native/binding/runs.cc',
      ],
      'include_dirs': ['node_modules/node-addon-api'],
      'defines': [
        'NAPI_VERSION=8', 'NODE_ADDON_API_DISABLE_DEPRECATED',
        # Every C++ exception becomes a JavaScript one, except in a worker that is ending and cannot throw any more.
        'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_ADDON_API_CPP_EXCEPTIONS_ALL',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags_cc': ['-fopenmp'],
      'ldflags': [
        '-fopenmp', '-static-libstdc++', '-Wl,--gc-sections',
        # The end of a worker must not unload code that other threads still run.
        '-Wl,-z,nodelete', '-Wl,-z,relro', '-Wl,-z,now',
        # A prebuilt binary finds its own OpenMP runtime beside itself.
        "-Wl,-rpath,'$$ORIGIN'",
        '-Wl,--version-script=<(module_root_dir)/native/binding/exports.map',
      ],
    },
    {
      'target_name': 'replay',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': ['native/tools/replay.cc'],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
    {
      'target_name': 'parts',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': ['native/tools/parts.cc'],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
    {
      'target_name': 'ceiling',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': ['native/tools/ceiling.cc'],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
    {
      'target_name': 'allocation_test',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': ['native/test/allocation_test.cc'],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
    {
      'target_name': 'overrun_test',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': ['native/test/overrun_test.cc'],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
    {
      'target_name': 'plan_fuzz',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': ['native/test/plan_fuzz.cc'],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
    {
      'target_name': 'race_test',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': ['native/test/race_test.cc'],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
    {
      'target_name': 'kernels_test',
      'type': 'executable',
      'dependencies': ['runtime', '<@(isa_targets)'],
      'sources': [
        'native/test/bfloat16_test.cc',
        'native/test/choice_test.cc',
        'native/test/cpu_test.cc',
        'native/test/kernels_test.cc',
        'native/test/updates_test.cc',
        'native/test/optimizers_test.cc',
        'native/test/rows_test.cc',
        'native/test/map_direct_test.cc',
        'native/test/map_test.cc',
        'native/test/moments_test.cc',
        'native/test/math_test.cc',
        'native/test/convolutions_test.cc',
        'native/test/products_test.cc',
        'native/test/vast_test.cc',
      ],
      'cflags_cc': ['-fopenmp'],
      'ldflags': ['-fopenmp'],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'isa_avx2',
          'type': 'static_library',
          'sources': ['native/isa/avx2.cc'],
          'cflags_cc': ['<@(isa_flags)', '-mavx2', '-mfma', '-mf16c', '-mprfchw'],
        },
        {
          'target_name': 'isa_avx512',
          'type': 'static_library',
          'sources': ['native/isa/avx512.cc'],
          'cflags_cc': [
            '<@(isa_flags)', '-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mfma', '-mprfchw',
            '-mprefer-vector-width=512',
            # GCC 12 warns about the undefined lanes of its own AVX-512 intrinsics.
            '-Wno-maybe-uninitialized',
          ],
        },
        {
          'target_name': 'isa_avx512_bf16',
          'type': 'static_library',
          'sources': ['native/isa/avx512_bf16.cc'],
          'cflags_cc': [
            '<@(isa_flags)', '-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mavx512bf16', '-mfma',
            '-mprefer-vector-width=512',
            '-Wno-maybe-uninitialized',
          ],
        },
      ],
    }],
    ['target_arch=="arm64"', {
      'targets': [
        {
          'target_name': 'isa_neon',
          'type': 'static_library',
          'sources': ['native/isa/neon.cc'],
          'cflags_cc': ['<@(isa_flags)'],
        },
      ],
    }],
  ],
}

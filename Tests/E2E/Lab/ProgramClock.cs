using System.IO.MemoryMappedFiles;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Is the wall clock of one program of the lab, which can be set while the program runs. All namespaces share the kernel's clock: between the
/// program and the C library stands a small one that is compiled here, and that adds what stands in a shared file. Monotonic clocks are left
/// alone, as a machine's are when its wall clock is set.
/// </summary>
sealed class ProgramClock : IDisposable
{
    const string Source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static volatile const int64_t *ahead;
        static int (*real)(clockid_t, struct timespec *);

        __attribute__((constructor)) static void start(void) {
            const char *file = getenv("MESH_LAB_CLOCK");
            int handle = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
            if (handle < 0)
                return;
            void *mapped = mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, handle, 0);
            if (mapped != MAP_FAILED)
                ahead = mapped;
            close(handle);
        }

        int clock_gettime(clockid_t id, struct timespec *at) {
            if (!real)
                real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
            int result = real(id, at);
            if (result == 0 && ahead && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
                int64_t all = at->tv_sec * 1000000000LL + at->tv_nsec + *ahead;
                at->tv_sec = all / 1000000000LL;
                at->tv_nsec = all % 1000000000LL;
            }
            return result;
        }

        int gettimeofday(struct timeval *at, void *zone) {
            struct timespec now;
            (void)zone;
            if (clock_gettime(CLOCK_REALTIME, &now) != 0)
                return -1;
            at->tv_sec = now.tv_sec;
            at->tv_usec = now.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *at) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (at)
                *at = now.tv_sec;
            return now.tv_sec;
        }
        """;

    readonly MemoryMappedFile _file;
    readonly MemoryMappedViewAccessor _view;

    /// <param name="program">The program, not started yet.</param>
    /// <param name="folder">Where the library and the file lie.</param>
    /// <param name="name">A name for the file, unique in the folder.</param>
    public ProgramClock(LabProgram program, string folder, string name)
    {
        var library = Path.Combine(folder, "clock.so");
        if (!File.Exists(library))
        {
            var source = Path.Combine(folder, "clock.c");
            File.WriteAllText(source, Source);
            ProcessRun.Run("gcc", ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"]).MustExit();
        }
        var path = Path.Combine(folder, name);
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, mapName: null, sizeof(long));
        _view = _file.CreateViewAccessor();
        program.Environment["LD_PRELOAD"] = library;
        program.Environment["MESH_LAB_CLOCK"] = path;
    }

    /// <summary>Gets or sets by how much it is ahead of the kernel's.</summary>
    public TimeSpan Ahead
    {
        get => TimeSpan.FromTicks(_view.ReadInt64(0) / TimeSpan.NanosecondsPerTick);
        set => _view.Write(0, value.Ticks * TimeSpan.NanosecondsPerTick);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}

using System.Runtime.InteropServices;

namespace Mesh.Controller.Keys;

/// <summary>Makes a rename or a new file in a directory survive a power cut.</summary>
static partial class DirectorySync
{
    const int ReadOnlyDirectory = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC

    /// <summary>Flushes the directory's entries to disk; a file system that cannot is left to its own ways.</summary>
    public static void Flush(string directory)
    {
        var handle = Open(directory, ReadOnlyDirectory);
        if (handle < 0)
            return;
        _ = Fsync(handle);
        _ = Close(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Fsync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}

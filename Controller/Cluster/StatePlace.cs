using System.Globalization;
using System.Runtime.InteropServices;
using Mesh.Protocol.Crypto;

namespace Mesh.Controller.Cluster;

/// <summary>
/// Names a state directory on a running kernel: the boot's id, the file system and the directory's number in it. A copy of the directory
/// has another name, wherever it is; the same directory after a restart of the program has the same.
/// </summary>
static partial class StatePlace
{
    const string BootId = "/proc/sys/kernel/random/boot_id";
    const int CurrentDirectory = -100;
    const uint InodeMask = 0x100;
    const int StatSize = 256;

    /// <summary>Names the place of a directory; a name that nobody has where the kernel does not say.</summary>
    public static string Of(string directory)
    {
        try
        {
            // statx(2), whose layout is the same on every architecture: the inode at 32, the device at 136 and 140.
            Span<byte> buffer = stackalloc byte[StatSize];
            if (Statx(CurrentDirectory, directory, 0, InodeMask, buffer) == 0)
            {
                var inode = MemoryMarshal.Read<ulong>(buffer[32..]);
                var (major, minor) = (MemoryMarshal.Read<uint>(buffer[136..]), MemoryMarshal.Read<uint>(buffer[140..]));
                return Shorten(string.Create(CultureInfo.InvariantCulture, $"{File.ReadAllText(BootId).Trim()} {major} {minor} {inode}"));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or EntryPointNotFoundException)
        {
            // Then a start after a crash waits for the lease.
        }
        return Guid.NewGuid().ToString("N");
    }

    static string Shorten(string text) => Convert.ToHexStringLower(Sha256.Hash(System.Text.Encoding.UTF8.GetBytes(text)).Value.Span[..16]);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> buffer);
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Bench.Lab;

/// <summary>The Linux system calls that .NET has no API for. They return -1 and set errno.</summary>
static unsafe partial class Native
{
    public const int AF_INET = 2, SOCK_DGRAM = 2;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(SafeFileHandle file, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNs(SafeFileHandle ns, int type);

    [LibraryImport("libcrypto.so.3", EntryPoint = "OpenSSL_version")]
    public static partial byte* OpenSslVersion(int what);

    /// <summary>An exception that carries what was tried and the text of errno.</summary>
    public static IOException Failure(string what)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new IOException($"{what}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
    }
}

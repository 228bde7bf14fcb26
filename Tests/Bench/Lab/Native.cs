using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Bench.Lab;

/// <summary>The Linux system calls that .NET has no API for. They return -1 and set errno.</summary>
static unsafe partial class Native
{
    public const int AF_INET = 2, SOCK_DGRAM = 2, SOL_SOCKET = 1, SO_RCVBUF = 8, SOL_IP = 0, IP_PKTINFO = 8, MSG_DONTWAIT = 0x40;
    public const int EAGAIN = 11, ENOBUFS = 105;

    /// <summary>struct iovec.</summary>
    public struct IoVector
    {
        public byte* Base;
        public nint Length;
    }

    /// <summary>struct mmsghdr of the 64-bit ABI, 64 bytes: a struct msghdr, its flags and the length that was sent left out.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    public struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nint VectorCount;
        public byte* Control;
        public nint ControlLength;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(SafeFileHandle file, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNs(SafeFileHandle ns, int type);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(SafeFileHandle socket, void* address, uint length);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(SafeFileHandle socket, void* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMany(SafeFileHandle socket, MessageHeader* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSockOpt(SafeFileHandle socket, int level, int option, void* value, uint length);

    /// <summary>Sets an integer option of the socket level.</summary>
    public static void SetOption(SafeFileHandle socket, int option, int value)
    {
        if (SetSockOpt(socket, SOL_SOCKET, option, &value, sizeof(int)) != 0)
            throw Failure($"setsockopt {option}");
    }

    [LibraryImport("libcrypto.so.3", EntryPoint = "OpenSSL_version")]
    public static partial byte* OpenSslVersion(int what);

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    private static partial int GetClock(int clock, long* time);

    /// <summary>Processor time that a process has used so far, threads that ended included, in nanoseconds: clock_getcpuclockid(3).</summary>
    public static long ProcessorNanoseconds(int process)
    {
        // The kernel's name for "what the scheduler counted for that process".
        var clock = (~process << 3) | 2;
        var time = stackalloc long[2];
        return GetClock(clock, time) == 0 ? time[0] * 1_000_000_000 + time[1] : throw Failure("clock_gettime");
    }

    /// <summary>An exception that carries what was tried and the text of errno.</summary>
    public static IOException Failure(string what)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new IOException($"{what}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
    }
}

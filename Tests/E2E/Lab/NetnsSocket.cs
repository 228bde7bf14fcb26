using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Makes sockets that live in another network namespace: a socket belongs to the namespace of the thread that makes it, and
/// setns(2) moves one thread.
/// </summary>
static partial class NetnsSocket
{
    const int CloneNewNet = 0x40000000;

    /// <summary>Runs on a thread of its own inside the namespace; nothing else ever runs on that thread.</summary>
    public static T Inside<T>(Netns ns, Func<T> make)
    {
        T? made = default;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using SafeFileHandle handle = File.OpenHandle($"/run/netns/{ns.FullName}");
                if (setns(handle, CloneNewNet) != 0)
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                made = make();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? made! : throw new InvalidOperationException($"in namespace {ns.FullName}: {failure.Message}", failure);
    }

    /// <summary>Makes a socket.</summary>
    public static Socket Create(Netns ns, AddressFamily family, SocketType type, ProtocolType protocol) =>
        Inside(ns, () => new Socket(family, type, protocol));

    /// <summary>Makes a UDP socket over IPv4 on a port of the kernel's choice.</summary>
    public static Socket Udp(Netns ns)
    {
        var socket = Create(ns, AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Any, 0));
        return socket;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(SafeFileHandle ns, int type);
}

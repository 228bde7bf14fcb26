using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Switches what a network interface does for the kernel: checksums, segmentation, merging (SIOCETHTOOL, linux/ethtool.h).</summary>
static unsafe partial class LinkOffloads
{
    const uint SiocEthtool = 0x8946;

    // ETHTOOL_Sxxx, each one above its ETHTOOL_Gxxx.
    const uint SetReceiveChecksum = 0x15, SetTransmitChecksum = 0x17, SetScatterGather = 0x19, SetTso = 0x1F, SetGso = 0x24, SetGro = 0x2C;

    /// <summary>Switches all of them off, and fails unless the interface then says that they are.</summary>
    public static void TurnOff(Netns ns, string link)
    {
        using var socket = NetnsSocket.Create(ns, AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        foreach (var command in new[] { SetGro, SetTso, SetGso, SetScatterGather, SetTransmitChecksum, SetReceiveChecksum })
        {
            try
            {
                Ask(socket, link, command, 0);
            }
            catch (Win32Exception refused) when (refused.NativeErrorCode == 95)
            {
                // Not for this interface to switch, which is well where it never was on: asked next.
            }
            Assert.True(Ask(socket, link, command - 1, 0) == 0, $"{link} keeps the offload of command {command:x}");
        }
    }

    static uint Ask(Socket socket, string link, uint command, uint value)
    {
        var words = stackalloc uint[2] { command, value };
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        Encoding.ASCII.GetBytes(link, new Span<byte>(request, 15));
        *(uint**)(request + 16) = words;
        if (ioctl(socket.SafeHandle, SiocEthtool, request) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        return words[1];
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(SafeSocketHandle socket, nuint request, void* argument);
}

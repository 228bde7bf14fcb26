using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using Mesh.Bench.Lab;
using Mesh.Protocol.Tunnel;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Bench.Handshakes;

/// <summary>
/// Sends initiations of strangers as fast as one thread can: sendmmsg(2) from 16 ports, each message from another address of 10.64.0.0/16
/// (<c>IP_PKTINFO</c>; the namespace must hold these addresses as local). Replies pile up unread in small buffers: the interface counts them.
/// </summary>
sealed unsafe class InitiationFlood : IDisposable
{
    const int Batch = 64, Ports = 16, Addresses = 65536;
    const int ControlSize = 32;

    readonly SafeFileHandle[] _sockets;
    readonly Initiations _initiations;

    InitiationFlood(SafeFileHandle[] sockets, Initiations initiations) => (_sockets, _initiations) = (sockets, initiations);

    /// <summary>The network that the messages come from.</summary>
    public const string Sources = "10.64.0.0/16";

    /// <summary>Opens the sockets inside the namespace.</summary>
    public static InitiationFlood Open(Netns ns, Initiations initiations) => NetnsThread.Run(ns, () =>
    {
        var sockets = new SafeFileHandle[Ports];
        var any = new byte[16];
        for (var i = 0; i < Ports; i++)
        {
            sockets[i] = new SafeFileHandle(Native.Socket(Native.AF_INET, Native.SOCK_DGRAM, 0), ownsHandle: true);
            if (sockets[i].IsInvalid)
                throw Native.Failure("socket");
            // The least that the kernel grants: a few replies, of which the kinds can be looked at afterwards.
            Native.SetOption(sockets[i], Native.SO_RCVBUF, 1);
            BinaryPrimitives.WriteUInt16LittleEndian(any, Native.AF_INET);
            BinaryPrimitives.WriteUInt16BigEndian(any.AsSpan(2), (ushort)(40000 + i));
            fixed (byte* address = any)
            {
                // Bound and not connected: a connected socket would have settled on one source address.
                if (Native.Bind(sockets[i], address, 16) != 0)
                    throw Native.Failure("bind");
            }
        }

        return new InitiationFlood(sockets, initiations);
    });

    /// <summary>Sends until told to stop, and gives how many messages the kernel took.</summary>
    /// <param name="responder">Where to; IPv4.</param>
    /// <param name="rate">Messages a second; 0: as many as go.</param>
    /// <param name="stop">Ends it.</param>
    public long Run(IPEndPoint responder, int rate, CancellationToken stop)
    {
        var name = stackalloc byte[16];
        new Span<byte>(name, 16).Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(new Span<byte>(name, 2), Native.AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(name + 2, 2), (ushort)responder.Port);
        responder.Address.TryWriteBytes(new Span<byte>(name + 4, 4), out _);
        var controls = stackalloc byte[Batch * ControlSize];
        new Span<byte>(controls, Batch * ControlSize).Clear();
        var vectors = stackalloc Native.IoVector[Batch];
        var headers = stackalloc Native.MessageHeader[Batch];
        for (var i = 0; i < Batch; i++)
        {
            // struct cmsghdr { size_t len; int level, type; }, struct in_pktinfo { int ifindex; struct in_addr spec_dst, addr; }
            var control = controls + i * ControlSize;
            *(ulong*)control = 28;
            *(int*)(control + 8) = Native.SOL_IP;
            *(int*)(control + 12) = Native.IP_PKTINFO;
            headers[i] = new Native.MessageHeader
            {
                Name = name, NameLength = 16, Vectors = vectors + i, VectorCount = 1, Control = control, ControlLength = ControlSize,
            };
        }

        long sent = 0;
        uint source = 1;
        var next = 0;
        var began = Stopwatch.GetTimestamp();
        fixed (byte* messages = _initiations[0])
        {
            for (var round = 0; !stop.IsCancellationRequested; round++)
            {
                for (var i = 0; i < Batch; i++)
                {
                    vectors[i] = new Native.IoVector { Base = messages + (nint)next * HandshakeInitiation.Size, Length = HandshakeInitiation.Size };
                    next = next + 1 == _initiations.Count ? 0 : next + 1;
                    BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(controls + i * ControlSize + 20, 4), 0x0A400000 | source);
                    source = source + 1 == Addresses ? 1 : source + 1;
                }

                var taken = Native.SendMany(_sockets[round % Ports], headers, Batch, 0);
                if (taken > 0)
                    sent += taken;
                else if (Marshal.GetLastPInvokeError() is not (Native.EAGAIN or Native.ENOBUFS))
                    throw Native.Failure("sendmmsg");
                while (rate > 0 && sent > rate * Stopwatch.GetElapsedTime(began).TotalSeconds && !stop.IsCancellationRequested)
                    Thread.Sleep(1);
            }
        }

        return sent;
    }

    /// <summary>Counts, by kind, the few replies that found room in the sockets.</summary>
    public Dictionary<MessageType, int> LookAtReplies()
    {
        Dictionary<MessageType, int> kinds = [];
        var buffer = stackalloc byte[256];
        foreach (var socket in _sockets)
        {
            for (nint length; (length = Native.Receive(socket, buffer, 256, Native.MSG_DONTWAIT)) > 0;)
            {
                var kind = TunnelMessage.Classify(new ReadOnlySpan<byte>(buffer, (int)length));
                kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
            }
        }

        return kinds;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
    }
}

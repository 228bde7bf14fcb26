using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mesh.Bench.Lab;
using Mesh.Protocol.Tunnel;

namespace Mesh.Bench.Handshakes;

/// <summary>What came of initiations that were sent as fast as they were answered.</summary>
sealed record HandshakeRate(int Sent, int Accepted, int Cookies, int Unanswered, TimeSpan Elapsed)
{
    // Below the backlog from which either program counts as under load and asks for cookies.
    const int Window = 64;

    // Either program takes an initiation of one peer every 20 ms at most.
    static readonly TimeSpan PeerInterval = TimeSpan.FromMilliseconds(25);

    /// <summary>Sends initiations from one socket in the namespace, at most 64 of them unanswered, until time or messages run out.</summary>
    /// <param name="ns">Where the peers are.</param>
    /// <param name="responder">Where the responder listens.</param>
    /// <param name="initiations">The messages.</param>
    /// <param name="first">How many of them were used before.</param>
    /// <param name="peers">How many peers they are from.</param>
    /// <param name="time">For how long.</param>
    /// <param name="cancel">Ends it early.</param>
    public static HandshakeRate Run(Netns ns, IPEndPoint responder, Initiations initiations, int first, int peers, TimeSpan time,
        CancellationToken cancel)
    {
        using var socket = NetnsThread.Run(ns, () => new Socket(responder.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.Connect(responder);
        socket.ReceiveTimeout = 100;
        socket.ReceiveBufferSize = 1 << 20;
        var lastSent = new long[peers];
        var answered = new bool[initiations.Count];
        Span<byte> buffer = stackalloc byte[256];
        int sent = first, accepted = 0, cookies = 0, unanswered = 0, outstanding = 0;
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < time && !cancel.IsCancellationRequested)
        {
            while (outstanding < Window && sent < initiations.Count)
            {
                ref var last = ref lastSent[initiations.PeerOf(sent)];
                if (last != 0 && Stopwatch.GetElapsedTime(last) < PeerInterval)
                    break;
                last = Stopwatch.GetTimestamp();
                socket.Send(initiations[sent++]);
                outstanding++;
            }

            if (outstanding == 0 && sent == initiations.Count)
                break;
            int length;
            try
            {
                length = socket.Receive(buffer);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
            {
                // What was not answered within a tenth of a second never will be.
                unanswered += outstanding;
                outstanding = 0;
                continue;
            }

            var type = TunnelMessage.Classify(buffer[..length]);
            if (type is not (MessageType.Response or MessageType.CookieReply))
                continue;
            var number = Initiations.Answered(buffer, type);
            if (number >= sent || answered[number])
                continue;
            answered[number] = true;
            outstanding = Math.Max(0, outstanding - 1);
            if (type == MessageType.Response)
                accepted++;
            else
                cookies++;
        }

        return new HandshakeRate(sent - first, accepted, cookies, unanswered, Stopwatch.GetElapsedTime(began));
    }
}

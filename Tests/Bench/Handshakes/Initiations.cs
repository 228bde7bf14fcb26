using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Bench.Handshakes;

/// <summary>
/// Real handshake initiations of many peers to one responder, made beforehand: valid keys and macs, and timestamps that grow from round to
/// round. The sender index of each is its number, so that an answer says which it answers.
/// </summary>
sealed class Initiations
{
    readonly byte[] _messages;
    readonly int _peers;

    Initiations(byte[] messages, int peers) => (_messages, _peers) = (messages, peers);

    /// <summary>How many there are.</summary>
    public int Count => _messages.Length / HandshakeInitiation.Size;

    /// <summary>The message with a number: round by round, each round through all peers.</summary>
    public ReadOnlySpan<byte> this[int number] => _messages.AsSpan(number * HandshakeInitiation.Size, HandshakeInitiation.Size);

    /// <summary>Whose message it is.</summary>
    public int PeerOf(int number) => number % _peers;

    /// <summary>Computes the messages on all processors: about a tenth of a millisecond each.</summary>
    public static Initiations Precompute(TunnelPublicKey responder, IReadOnlyList<TunnelPrivateKey> peers, int rounds, CancellationToken cancel)
    {
        var messages = GC.AllocateUninitializedArray<byte>(peers.Count * rounds * HandshakeInitiation.Size, pinned: true);
        var wall = WallTime.From(DateTimeOffset.UtcNow);
        Parallel.For(0, peers.Count, new ParallelOptions { CancellationToken = cancel }, peer =>
        {
            using X25519 key = new(peers[peer]);
            PeerContinuity continuity = new();
            PeerOptions options = new() { DeviceKey = key, Peer = responder, Endpoint = EndpointAddress.From(new IPEndPoint(IPAddress.Loopback, 1)) };
            for (var round = 0; round < rounds; round++)
            {
                var number = round * peers.Count + peer;
                Instant now = new(0);
                PeerMachine machine = new(options, continuity, new Numbered((uint)number), Entropy.Instance, now);
                machine.StartHandshake(now);
                if (!machine.TryTakeTransmit(messages.AsSpan(number * HandshakeInitiation.Size), now, wall + TimeSpan.FromMilliseconds(100 * round), out var made)
                    || made.Kind != TransmitKind.Initiation)
                    throw new InvalidOperationException("no initiation was made");
                machine.Shutdown();
            }
        });
        return new Initiations(messages, peers.Count);
    }

    /// <summary>The number of the initiation that a response or cookie reply is for.</summary>
    public static uint Answered(ReadOnlySpan<byte> message, MessageType type) =>
        BinaryPrimitives.ReadUInt32LittleEndian(message[(type == MessageType.Response ? 8 : 4)..]);

    sealed class Numbered(uint number) : ISessionIndexes
    {
        public SessionIndex Reserve() => new(number);

        public void Bind(SessionIndex index, TransportSession session) => throw new InvalidOperationException("nobody answers here");

        public void Release(SessionIndex index)
        {
            // Numbers are never given out twice.
        }
    }

    sealed class Entropy : IEntropy
    {
        public static readonly Entropy Instance = new();

        public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
    }
}

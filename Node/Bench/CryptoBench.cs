using System.Diagnostics;
using Mesh.Node.Local;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Bench;

/// <summary>
/// Measures what this machine does with each cipher, on one thread: sealing and opening packets of <see cref="PacketSize"/> bytes, whole
/// handshakes with both ends in this process, and key agreements. Each figure is the best of many short slices, because whatever else
/// runs can only make a slice longer.
/// </summary>
static class CryptoBench
{
    /// <summary>The payload of a packet, in bytes: the default MTU of the interface.</summary>
    public const int PacketSize = 1420;

    const int PacketsPerSlice = 500;
    const int AgreementsPerSlice = 20;
    const int HandshakesPerSlice = 5;

    /// <summary>Measures everything; each of the nine figures takes the given time.</summary>
    /// <param name="announced">The suites that this machine announces.</param>
    /// <param name="each">The time per figure.</param>
    /// <param name="cancellation">Gives up between slices.</param>
    public static CryptoBenchDocument Run(IReadOnlyList<CipherSuite> announced, TimeSpan each, CancellationToken cancellation)
    {
        var ciphers = Enum.GetValues<CipherSuite>().Select(suite =>
        {
            var (seal, open) = (Seal(suite, each, cancellation), Open(suite, each, cancellation));
            return new CipherBenchDocument(
                suite.Name(), Round(seal), Round(PacketSize / seal), Round(open), Round(PacketSize / open), Round(1e9 / Handshake(suite, each, cancellation)));
        }).ToArray();
        return new CryptoBenchDocument(
            ProgramVersion.Text, PacketSize, each.TotalSeconds, CipherHardware.Features, CipherHardware.HasAes, CipherHardware.AesLibrary, ciphers,
            Round(1e9 / Agreement(each, cancellation)), [.. announced.Select(suite => suite.Name())],
            (announced.Count == 0 ? CipherSuite.ChaCha20Poly1305 : announced[0]).Name());
    }

    static double Seal(CipherSuite suite, TimeSpan each, CancellationToken cancellation)
    {
        using var stream = AeadStream.ForSealing(suite, Key());
        var packet = new byte[PacketSize + AeadStream.TagSize];
        ulong counter = 0;
        return Best(each, PacketsPerSlice, cancellation, () =>
        {
            using var lease = stream.Rent();
            for (var i = 0; i < PacketsPerSlice; i++)
                Require(lease.TrySeal(counter++, packet));
        });
    }

    static double Open(CipherSuite suite, TimeSpan each, CancellationToken cancellation)
    {
        var key = Key();
        using var sealing = AeadStream.ForSealing(suite, key);
        using var opening = AeadStream.ForOpening(suite, key);
        var message = new byte[PacketSize + AeadStream.TagSize];
        var packet = new byte[message.Length];
        Require(sealing.TrySeal(1, message));
        return Best(each, PacketsPerSlice, cancellation, () =>
        {
            using var lease = opening.Rent();
            for (var i = 0; i < PacketsPerSlice; i++)
            {
                // Opening uses the message up; the copy is a hundredth of the time.
                message.CopyTo(packet, 0);
                Require(lease.TryOpen(1, packet));
            }
        });
    }

    static double Agreement(TimeSpan each, CancellationToken cancellation)
    {
        using TunnelPrivateKey one = new(SystemEntropy.Instance), two = new(SystemEntropy.Instance);
        using var own = new X25519(one);
        var peer = X25519.ComputePublicKey(two);
        var secret = new byte[X25519.KeySize];
        return Best(each, AgreementsPerSlice, cancellation, () =>
        {
            for (var i = 0; i < AgreementsPerSlice; i++)
                Require(own.TryDeriveSharedSecret(peer, secret));
        });
    }

    static double Handshake(CipherSuite suite, TimeSpan each, CancellationToken cancellation)
    {
        using var one = new End();
        using var two = new End();
        var buffer = new byte[TunnelMessage.MaximumHandshakeSize];
        var now = new Instant(TimeSpan.TicksPerHour);
        var wall = WallTime.From(DateTimeOffset.UtcNow);
        return Best(each, HandshakesPerSlice, cancellation, () =>
        {
            for (var i = 0; i < HandshakesPerSlice; i++)
            {
                now += TimeSpan.FromSeconds(1);
                wall += TimeSpan.FromSeconds(1);
                var (initiator, responder) = (one.Machine(two, suite, now), two.Machine(one, suite, now));
                initiator.StartHandshake(now);
                Require(initiator.TryTakeTransmit(buffer, now, wall, out var initiation));
                Require(two.Opener.TryOpen(buffer.AsSpan(0, initiation.Length), [one.Key.PublicKey], out var authenticated, out _));
                Require(responder.HandleInitiation(authenticated!, initiation.To, now) == DropReason.None);
                Require(responder.TryTakeTransmit(buffer, now, wall, out var response));
                Require(initiator.HandleResponse(buffer.AsSpan(0, response.Length), response.To, now) == DropReason.None);
                initiator.Shutdown();
                responder.Shutdown();
            }
        });
    }

    static double Best(TimeSpan each, int count, CancellationToken cancellation, Action slice)
    {
        slice();
        var best = double.MaxValue;
        var started = Stopwatch.GetTimestamp();
        do
        {
            cancellation.ThrowIfCancellationRequested();
            var at = Stopwatch.GetTimestamp();
            slice();
            best = Math.Min(best, Stopwatch.GetElapsedTime(at).TotalNanoseconds / count);
        }
        while (Stopwatch.GetElapsedTime(started) < each);
        return best;
    }

    static byte[] Key()
    {
        var key = new byte[AeadStream.KeySize];
        SystemEntropy.Instance.Fill(key);
        return key;
    }

    static double Round(double value) => value < 100 ? Math.Round(value, 2) : Math.Round(value);

    static void Require(bool succeeded)
    {
        if (!succeeded)
            throw new InvalidOperationException("a cipher did not do what it must");
    }

    sealed class End : IDisposable
    {
        readonly SessionIndexTable<End> _indexes = new(SystemEntropy.Instance);

        public End()
        {
            using var key = new TunnelPrivateKey(SystemEntropy.Instance);
            Key = new X25519(key);
            Opener = new InitiationOpener(Key);
        }

        public X25519 Key { get; }

        public InitiationOpener Opener { get; }

        public PeerMachine Machine(End peer, CipherSuite suite, Instant now) => new(
            new PeerOptions { DeviceKey = Key, Peer = peer.Key.PublicKey, Suite = suite, Endpoint = EndpointAddress.FromIPv4(0x7f000001, 1) },
            new PeerContinuity(), _indexes.For(this), SystemEntropy.Instance, now);

        public void Dispose() => Key.Dispose();
    }
}

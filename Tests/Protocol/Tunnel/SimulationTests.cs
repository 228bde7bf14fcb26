using System.Buffers.Binary;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Protocol.Tunnel;

/// <summary>Runs tunnels over bad networks: one seed, one run.</summary>
public sealed class SimulationTests
{
    [Fact]
    public void A_thousand_bad_networks_recover()
    {
        for (var seed = 0; seed < 1000; seed++)
            RunBadNetwork(seed, seconds: 12);
    }

    [Fact]
    public void Twenty_bad_networks_recover_across_rekeys()
    {
        for (var seed = 5000; seed < 5020; seed++)
            RunBadNetwork(seed, seconds: 400);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes()
    {
        Assert.Equal(Trace(77), Trace(77));
        Assert.NotEqual(Trace(77), Trace(78));

        static string Trace(int seed)
        {
            using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
            var pair = new Pair(seed, bothKnow: true);
            pair.Network.Conditions = new LinkConditions { Loss = 0.2, Duplication = 0.1, MaximumDelay = TimeSpan.FromMilliseconds(200) };
            pair.Network.Filter = datagram =>
            {
                hash.AppendData(datagram.Bytes);
                return true;
            };
            for (var i = 0; i < 300; i++)
            {
                pair.AliceSends((byte)i, 1);
                pair.BobSends((byte)i, 2);
                pair.Network.Run(TimeSpan.FromSeconds(1));
            }
            return Convert.ToHexString(hash.GetHashAndReset());
        }
    }

    /// <summary>A day of keepalives and a packet every 17 s: some 700 sessions, and no packet lost.</summary>
    [Fact]
    public void A_busy_day_passes_without_a_loss() => Live(days: 1, interval: 17, aliceKeepalive: TimeSpan.FromSeconds(25), 600, 730);

    /// <summary>A week with a packet every ten minutes, each on a session of its own, both sides in turn.</summary>
    [Fact]
    public void A_quiet_week_passes_without_a_loss() => Live(days: 7, interval: 600, aliceKeepalive: default, 1000, 1010);

    static void Live(int days, int interval, TimeSpan aliceKeepalive, int leastHandshakes, int mostHandshakes)
    {
        var pair = new Pair(seed: 3, aliceKeepalive: aliceKeepalive).Connect();
        var packets = 0;
        for (var second = 0; second < days * 86400; second += interval)
        {
            if (packets % 2 == 0)
                pair.AliceSends(1);
            else
                pair.BobSends(2);
            packets++;
            pair.Network.Run(TimeSpan.FromSeconds(interval));
        }
        Assert.Equal(packets + 2, pair.AliceToBob.Received.Count + pair.BobToAlice.Received.Count);
        Assert.InRange(pair.AliceToBob.Events.OfType<PeerEvent.HandshakeCompleted>().Count(), leastHandshakes, mostHandshakes);
        Assert.InRange(pair.Alice.Indexes.Count, 0, 4);
        Assert.InRange(pair.Bob.Indexes.Count, 0, 4);
        Assert.Equal(0, pair.Alice.Drops.Total + pair.Bob.Drops.Total);
    }

    [Fact]
    public void A_forged_packet_does_not_move_the_endpoint_and_a_genuine_one_does()
    {
        var pair = new Pair(seed: 21).Connect();
        var captured = new List<byte[]>();
        pair.Network.Filter = datagram =>
        {
            if (datagram.From == pair.Alice.Endpoint)
                captured.Add(datagram.Bytes);
            return true;
        };
        for (var i = 0; i < 5; i++)
            pair.AliceSends(1, 2, 3);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        pair.Network.Filter = null;
        var home = pair.Alice.Endpoint;
        var elsewhere = EndpointAddress.FromIPv4(0xc0a80001, 4000);

        foreach (var packet in captured)
        {
            // Replayed from elsewhere, and changed: neither authenticates as new.
            pair.Network.Send(elsewhere, pair.Bob.Endpoint, packet);
            var forged = packet.ToArray();
            forged[^1] ^= 1;
            forged[8] ^= 64;
            pair.Network.Send(elsewhere, pair.Bob.Endpoint, forged);
        }
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(home, pair.BobToAlice.PublishedEndpoint);
        Assert.Equal(5, pair.Bob.Drops[DropReason.Replay]);
        Assert.Equal(5, pair.Bob.Drops[DropReason.TransportAuthentication]);

        pair.Network.Move(pair.Alice, new EndpointAddress(Convert.FromHexString("20010db8000000000000000000000005"), 1234));
        pair.AliceSends(7);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal("[2001:db8::5]:1234", pair.BobToAlice.PublishedEndpoint.ToString());
        pair.BobSends(8);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(8, pair.AliceToBob.Received[^1][0]);
    }

    [Fact]
    public void Packets_far_out_of_order_are_dropped_and_counted()
    {
        var pair = new Pair(seed: 22).Connect();
        var held = new List<SimDatagram>();
        pair.Network.Filter = datagram =>
        {
            held.Add(datagram);
            return false;
        };
        for (var i = 0; i < 9000; i++)
            pair.AliceSends(1);
        pair.Network.Filter = null;
        var before = pair.BobToAlice.Received.Count;
        pair.Bob.Receive(held[^1].Bytes.ToArray(), pair.Alice.Endpoint);
        foreach (var datagram in held.SkipLast(1))
            pair.Bob.Receive(datagram.Bytes.ToArray(), pair.Alice.Endpoint);
        Assert.Equal(8129, pair.BobToAlice.Received.Count - before);
        Assert.Equal(9000 - 8129, pair.Bob.Drops[DropReason.Replay]);
    }

    static void RunBadNetwork(int seed, int seconds)
    {
        var random = new Random(seed);
        var pair = new Pair(seed, bothKnow: random.Next(2) == 0, presharedKey: random.Next(2) == 0 ? new byte[32] : null);
        pair.Network.Conditions = new LinkConditions
        {
            Loss = random.NextDouble() * 0.4,
            Duplication = random.NextDouble() * 0.3,
            MaximumDelay = TimeSpan.FromMilliseconds(10 + random.Next(400)),
        };
        var numbers = new byte[8];
        for (var i = 0; i < seconds; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(numbers, i + 1);
            if (random.Next(3) != 0)
                pair.AliceSends(numbers);
            if (random.Next(3) != 0)
                pair.BobSends(numbers);
            if (random.Next(40) == 0)
                pair.AliceToBob.CrashMachine();
            pair.Network.Run(TimeSpan.FromSeconds(1));
        }
        Assert.True(Distinct(pair.AliceToBob.Received), $"seed {seed}: a packet arrived twice");
        Assert.True(Distinct(pair.BobToAlice.Received), $"seed {seed}: a packet arrived twice");

        // On a good network everything arrives again, at the latest when the attempt that is running is repeated.
        pair.Network.Conditions = LinkConditions.Good;
        pair.AliceSends(0xaa);
        pair.Network.Run(TimeSpan.FromSeconds(20));
        pair.AliceSends(0xbb);
        pair.BobSends(0xbb);
        pair.Network.Run(TimeSpan.FromSeconds(20));
        Assert.True(pair.BobToAlice.Received.Exists(packet => packet[0] == 0xbb), $"seed {seed}: Bob hears nothing");
        Assert.True(pair.AliceToBob.Received.Exists(packet => packet[0] == 0xbb), $"seed {seed}: Alice hears nothing");
    }

    static bool Distinct(List<byte[]> packets) =>
        packets.Select(packet => BinaryPrimitives.ReadInt64LittleEndian(packet)).Distinct().Count() == packets.Count;
}

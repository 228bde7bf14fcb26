using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Protocol.Tunnel;

public sealed class HandshakeTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Packets_held_during_the_handshake_are_sent_after_it(bool presharedKey)
    {
        var pair = new Pair(seed: 1, presharedKey: presharedKey ? Enumerable.Repeat((byte)7, 32).ToArray() : null);
        for (byte i = 1; i <= 5; i++)
            pair.AliceSends(i, 2, 3);
        Assert.Empty(pair.BobToAlice.Received);

        pair.Network.Run(TimeSpan.FromSeconds(1));

        Assert.Equal([1, 2, 3, 4, 5], pair.BobToAlice.Received.Select(packet => packet[0]));
        Assert.All(pair.BobToAlice.Received, packet => Assert.Equal(16, packet.Length));
        Assert.Equal(0, pair.Bob.Drops.Total);
        Assert.Equal(0, pair.Alice.Drops.Total);
    }

    [Fact]
    public void Different_preshared_keys_never_connect()
    {
        var network = new SimNetwork(seed: 2);
        var alice = network.AddDevice();
        var bob = network.AddDevice();
        using var one = new Mesh.Protocol.Identity.PresharedKey(Enumerable.Repeat((byte)1, 32).ToArray());
        using var two = new Mesh.Protocol.Identity.PresharedKey(Enumerable.Repeat((byte)2, 32).ToArray());
        var toBob = alice.AddPeer(bob, bob.Endpoint, one);
        var toAlice = bob.AddPeer(alice, default, two);
        alice.SendPacket(toBob, [1]);

        network.Run(TimeSpan.FromSeconds(60));

        Assert.Empty(toAlice.Received);
        Assert.Null(toBob.SendSession);
        Assert.Null(toAlice.SendSession);
        Assert.True(alice.Drops[DropReason.HandshakeAuthentication] > 5);
    }

    [Fact]
    public void The_packet_limit_of_the_hold_drops_the_oldest()
    {
        var pair = new Pair(seed: 3);
        for (var i = 0; i < TunnelTuning.StagedPackets + 3; i++)
            pair.AliceSends((byte)i, (byte)(i >> 8), 9);

        pair.Network.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(TunnelTuning.StagedPackets, pair.BobToAlice.Received.Count);
        Assert.Equal(3, pair.BobToAlice.Received[0][0]);
        Assert.Equal(3, pair.Alice.Drops[DropReason.StagingOverflow]);
    }

    [Fact]
    public void The_responder_is_silent_until_the_first_packet_of_the_initiator()
    {
        var pair = new Pair(seed: 4, bothKnow: true);
        pair.Network.Filter = datagram => datagram.Bytes[0] != 4 || datagram.From != pair.Alice.Endpoint;
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(1));

        Assert.NotNull(pair.AliceToBob.SendSession);
        Assert.Null(pair.BobToAlice.SendSession);
        var transports = 0;
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] == 4 && datagram.From == pair.Bob.Endpoint)
                transports++;
            // Nor may Bob become an initiator himself.
            return datagram.Bytes[0] == 2;
        };
        pair.BobSends(2);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(0, transports);

        pair.Network.Filter = null;
        pair.AliceSends(3);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.NotNull(pair.BobToAlice.SendSession);
        Assert.Contains(pair.AliceToBob.Received, packet => packet[0] == 2);
    }

    [Fact]
    public void An_initiator_with_nothing_to_send_confirms_with_a_keepalive()
    {
        var pair = new Pair(seed: 5);
        pair.AliceToBob.Machine.StartHandshake(pair.Clock.Now);
        pair.Alice.Drain(pair.AliceToBob);

        pair.Network.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(1, pair.BobToAlice.KeepalivesReceived);
        Assert.NotNull(pair.BobToAlice.SendSession);
        Assert.Equal([TransmitKind.Initiation, TransmitKind.Keepalive], pair.AliceToBob.Transmits.Select(transmit => transmit.Kind));
    }

    [Fact]
    public void A_replayed_initiation_gets_no_answer()
    {
        var pair = new Pair(seed: 6);
        byte[]? initiation = null;
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] == 1)
                initiation ??= datagram.Bytes;
            return true;
        };
        pair.Connect();
        pair.Network.Run(TimeSpan.FromSeconds(30));
        var sent = pair.Network.Sent;
        var current = pair.BobToAlice.SendSession;

        for (var i = 0; i < 100; i++)
        {
            pair.Network.Send(EndpointAddress.FromIPv4(0x7f000001, 9), pair.Bob.Endpoint, initiation);
            pair.Network.Run(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal(sent + 100, pair.Network.Sent);
        Assert.Equal(100, pair.Bob.Drops[DropReason.StaleTimestamp]);
        Assert.Same(current, pair.BobToAlice.SendSession);
        Assert.Equal(pair.Alice.Endpoint, pair.BobToAlice.PublishedEndpoint);
    }

    [Fact]
    public void A_replayed_initiation_gets_no_answer_from_a_restarted_machine()
    {
        var pair = new Pair(seed: 7);
        byte[]? initiation = null;
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] == 1)
                initiation ??= datagram.Bytes;
            return true;
        };
        pair.Connect();
        pair.BobToAlice.CrashMachine();
        var sent = pair.Network.Sent;

        pair.Network.Send(pair.Alice.Endpoint, pair.Bob.Endpoint, initiation);
        pair.Network.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(sent + 1, pair.Network.Sent);
        Assert.Equal(1, pair.Bob.Drops[DropReason.StaleTimestamp]);
    }

    [Fact]
    public void A_forged_response_does_not_end_the_handshake()
    {
        var pair = new Pair(seed: 8);
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] != 2)
                return true;
            // The same message with a spoiled tag arrives first.
            var forged = datagram.Bytes.ToArray();
            forged[HandshakeResponse.Mac1Offset - 1] ^= 1;
            Remac(pair, forged);
            pair.Alice.Receive(forged, datagram.From);
            return true;
        };
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(1, pair.Alice.Drops[DropReason.HandshakeAuthentication]);
        Assert.Single(pair.BobToAlice.Received);
    }

    [Fact]
    public void A_response_that_arrives_twice_counts_once()
    {
        var pair = new Pair(seed: 9);
        pair.Network.Conditions = new LinkConditions { Duplication = 1 };
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(1));

        Assert.Single(pair.AliceToBob.Events.OfType<PeerEvent.HandshakeCompleted>());
        Assert.Single(pair.BobToAlice.Events.OfType<PeerEvent.HandshakeCompleted>());
        Assert.Single(pair.BobToAlice.Received);
        Assert.True(pair.Bob.Drops[DropReason.Replay] >= 1);
    }

    [Fact]
    public void Both_sides_may_start_at_once()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var pair = new Pair(seed, bothKnow: true);
            pair.Network.Conditions = seed < 10
                ? LinkConditions.Good
                : new LinkConditions { MaximumDelay = TimeSpan.FromMilliseconds(60), Loss = seed % 2 * 0.1, Duplication = 0.1 };
            for (var i = 0; i < 20; i++)
            {
                pair.AliceSends((byte)i, 1);
                pair.BobSends((byte)i, 2);
                pair.Network.Run(TimeSpan.FromMilliseconds(seed));
            }
            pair.Network.Conditions = LinkConditions.Good;
            pair.Network.Run(TimeSpan.FromSeconds(15));
            var received = (pair.AliceToBob.Received.Count, pair.BobToAlice.Received.Count);
            for (var i = 0; i < 20; i++)
            {
                pair.AliceSends((byte)i, 3);
                pair.BobSends((byte)i, 4);
                pair.Network.Run(TimeSpan.FromMilliseconds(50));
            }

            Assert.True(pair.AliceToBob.Received.Count == received.Item1 + 20, $"seed {seed}");
            Assert.True(pair.BobToAlice.Received.Count == received.Item2 + 20, $"seed {seed}");
            // Whoever won, both ends send on one session, and exactly one of them will renew it.
            Assert.True(pair.AliceToBob.SendSession!.Local == pair.BobToAlice.SendSession!.Remote, $"seed {seed}: two sessions");
            Assert.True(pair.AliceToBob.SendSession.Role != pair.BobToAlice.SendSession.Role, $"seed {seed}: nobody renews");
        }
    }

    [Fact]
    public void Renewals_that_cross_under_traffic_lose_nothing()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var pair = new Pair(seed).Connect();
            pair.Network.Conditions = new LinkConditions { MaximumDelay = TimeSpan.FromMilliseconds(10 + (seed * 3)) };
            pair.Network.Run(TimeSpan.FromSeconds(6));
            for (var i = 0; i < 400; i++)
            {
                if (i % 100 == 50)
                {
                    pair.AliceToBob.Machine.StartHandshake(pair.Clock.Now);
                    pair.Alice.Drain(pair.AliceToBob);
                    pair.Network.Run(TimeSpan.FromMilliseconds(seed % 5 * 5));
                    pair.BobToAlice.Machine.StartHandshake(pair.Clock.Now);
                    pair.Bob.Drain(pair.BobToAlice);
                }
                pair.AliceSends((byte)i, (byte)(i >> 8), 1);
                pair.BobSends((byte)i, (byte)(i >> 8), 2);
                pair.Network.Run(TimeSpan.FromMilliseconds(60));
            }
            // Reordering can leave each side sending on a session of its own: that, too, must be renewed without a loss.
            for (var i = 0; i < 200; i++)
            {
                pair.AliceSends((byte)i, (byte)(i >> 8), 3);
                pair.BobSends((byte)i, (byte)(i >> 8), 4);
                pair.Network.Run(TimeSpan.FromSeconds(1));
            }
            Assert.True(pair.BobToAlice.Received.Count == 601 && pair.AliceToBob.Received.Count == 601, 
                $"seed {seed}: lost a packet; dropped: {string.Join(' ', pair.Alice.Drops.Snapshot().Concat(pair.Bob.Drops.Snapshot()))}");
        }
    }

    [Fact]
    public void A_crashed_machine_carries_on_with_the_live_sessions()
    {
        var pair = new Pair(seed: 10).Connect();
        var session = pair.AliceToBob.SendSession;
        pair.AliceToBob.CrashMachine();
        pair.BobToAlice.CrashMachine();
        for (var i = 0; i < 400; i++)
        {
            pair.AliceSends((byte)i, (byte)(i >> 8), 5);
            pair.BobSends((byte)i, (byte)(i >> 8), 5);
            pair.Network.Run(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(401, pair.AliceToBob.Received.Count);
        Assert.Equal(401, pair.BobToAlice.Received.Count);
        Assert.NotSame(session, pair.AliceToBob.SendSession);
        Assert.True(session!.IsDisposed);
    }

    /// <summary>Gives a changed response a valid mac1 again, as anybody who knows the receiver's public key can.</summary>
    static void Remac(Pair pair, byte[] message) =>
        new MessageMacs(pair.Alice.PublicKey).Complete(message, HandshakeResponse.Mac1Offset, HandshakeResponse.Sender(message), pair.Clock.Now);
}

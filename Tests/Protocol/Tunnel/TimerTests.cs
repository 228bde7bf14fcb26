using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Protocol.Tunnel;

/// <summary>Holds every timer rule of the paper's section 6 in virtual time.</summary>
public sealed class TimerTests
{
    static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Initiations_are_repeated_after_five_seconds_and_jitter_until_ninety()
    {
        var pair = new Pair(seed: 1);
        var times = new List<Instant>();
        pair.Network.Filter = datagram =>
        {
            times.Add(datagram.SentAt);
            return false;
        };
        var start = pair.Clock.Now;
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(89.9));
        Assert.Empty(pair.AliceToBob.Events.OfType<PeerEvent.HandshakeGaveUp>());
        Assert.True(pair.AliceToBob.Machine.IsHandshaking);

        pair.Network.Run(TimeSpan.FromSeconds(0.2));

        Assert.Single(pair.AliceToBob.Events.OfType<PeerEvent.HandshakeGaveUp>());
        Assert.False(pair.AliceToBob.Machine.IsHandshaking);
        Assert.Equal(1, pair.Alice.Drops[DropReason.HandshakeGaveUp]);
        Assert.InRange(times.Count, 17, 18);
        Assert.Equal(start, times[0]);
        var gaps = times.Zip(times.Skip(1), (a, b) => (b - a).TotalMilliseconds).ToList();
        Assert.All(gaps, gap => Assert.InRange(gap, 5000, 5334));
        Assert.True(gaps.Distinct().Count() > 10);

        pair.Network.Run(TimeSpan.FromSeconds(300));
        Assert.InRange(times.Count, 17, 18);

        pair.Network.Filter = null;
        pair.AliceSends(2);
        pair.Network.Run(_second);
        Assert.Single(pair.BobToAlice.Received);
    }

    [Fact]
    public void Packets_that_keep_coming_keep_the_attempt_alive()
    {
        var pair = new Pair(seed: 2);
        pair.Network.Filter = _ => false;
        for (var i = 0; i < 200; i++)
        {
            pair.AliceSends(1);
            pair.Network.Run(_second);
        }
        Assert.Empty(pair.AliceToBob.Events.OfType<PeerEvent.HandshakeGaveUp>());
        pair.Network.Run(TimeSpan.FromSeconds(96));
        Assert.Single(pair.AliceToBob.Events.OfType<PeerEvent.HandshakeGaveUp>());
    }

    [Fact]
    public void Initiations_are_never_closer_than_five_seconds()
    {
        var pair = new Pair(seed: 3);
        var times = new List<Instant>();
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] == 1)
                times.Add(datagram.SentAt);
            return true;
        };
        for (var i = 0; i < 200; i++)
        {
            pair.AliceToBob.Machine.StartHandshake(pair.Clock.Now);
            pair.Alice.Drain(pair.AliceToBob);
            pair.Network.Run(TimeSpan.FromMilliseconds(100));
        }
        Assert.InRange(times.Count, 3, 5);
        Assert.All(times.Zip(times.Skip(1), (a, b) => b - a), gap => Assert.True(gap >= TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public void The_initiator_renews_keys_when_it_sends_after_two_minutes()
    {
        var pair = new Pair(seed: 4).Connect();
        var established = pair.AliceToBob.SendSession!.EstablishedAt;
        pair.Network.Run(established + TimeSpan.FromSeconds(119) - pair.Clock.Now);
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(0.5));
        Assert.Equal(established, pair.AliceToBob.SendSession!.EstablishedAt);

        pair.Network.Run(_second);
        Assert.Equal(established, pair.AliceToBob.SendSession!.EstablishedAt);
        pair.AliceSends(2);
        pair.Network.Run(_second);
        Assert.True(pair.AliceToBob.SendSession!.EstablishedAt > established + TimeSpan.FromSeconds(120));
        Assert.Equal(pair.AliceToBob.SendSession.Local, pair.BobToAlice.SendSession!.Remote);
    }

    [Fact]
    public void The_responder_does_not_renew_keys_when_it_sends()
    {
        var pair = new Pair(seed: 5).Connect();
        var established = pair.AliceToBob.SendSession!.EstablishedAt;
        pair.Network.Run(established + TimeSpan.FromSeconds(130) - pair.Clock.Now);
        pair.BobSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(0.5));
        Assert.Equal(established, pair.AliceToBob.SendSession!.EstablishedAt);
        Assert.Equal(established, pair.BobToAlice.SendSession!.EstablishedAt - TimeSpan.FromMilliseconds(-10));
    }

    [Fact]
    public void The_initiator_renews_keys_when_it_receives_after_165_seconds()
    {
        var pair = new Pair(seed: 6).Connect();
        var established = pair.AliceToBob.SendSession!.EstablishedAt;
        // Alice receives only: nothing of hers may renew the keys before.
        pair.Network.Run(established + TimeSpan.FromSeconds(160) - pair.Clock.Now);
        pair.BobSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(0.5));
        Assert.Equal(established, pair.AliceToBob.SendSession!.EstablishedAt);
        pair.Network.Run(established + TimeSpan.FromSeconds(165) - pair.Clock.Now);
        pair.BobSends(2);
        pair.Network.Run(TimeSpan.FromSeconds(0.5));
        Assert.True(pair.AliceToBob.SendSession!.EstablishedAt > established);
    }

    [Fact]
    public void Keys_are_refused_and_zeroed_after_three_minutes()
    {
        var pair = new Pair(seed: 7).Connect();
        var session = pair.AliceToBob.SendSession!;
        pair.Network.Run(TimeSpan.FromSeconds(181));
        Assert.True(session.IsDisposed);
        Assert.Null(pair.AliceToBob.SendSession);
        Assert.Null(pair.BobToAlice.SendSession);
        Assert.Equal(0, pair.Alice.Indexes.Count);
        Assert.Equal(0, pair.Bob.Indexes.Count);

        pair.AliceSends(9);
        pair.Network.Run(_second);
        Assert.Equal(9, pair.BobToAlice.Received[^1][0]);
    }

    [Fact]
    public void A_lost_rekey_costs_no_packet_before_three_minutes()
    {
        var pair = new Pair(seed: 8).Connect();
        pair.Network.Filter = datagram => datagram.Bytes[0] != 1;
        for (var i = 0; i < 175; i++)
        {
            pair.AliceSends(3);
            pair.Network.Run(_second);
        }
        Assert.Equal(176, pair.BobToAlice.Received.Count);
        pair.Network.Filter = null;
        for (var i = 0; i < 20; i++)
        {
            pair.AliceSends(4);
            pair.Network.Run(_second);
        }
        Assert.Equal(196, pair.BobToAlice.Received.Count);
    }

    [Fact]
    public void Received_data_is_acknowledged_by_a_keepalive_after_ten_seconds()
    {
        var pair = new Pair(seed: 9).Connect();
        pair.Network.Run(TimeSpan.FromSeconds(40));
        var before = pair.AliceToBob.KeepalivesReceived;
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(9.9));
        Assert.Equal(before, pair.AliceToBob.KeepalivesReceived);
        pair.Network.Run(TimeSpan.FromSeconds(0.2));
        Assert.Equal(before + 1, pair.AliceToBob.KeepalivesReceived);

        // A keepalive is not acknowledged, and an answer is acknowledgement enough.
        var bob = pair.BobToAlice.KeepalivesReceived;
        pair.Network.Run(TimeSpan.FromSeconds(30));
        Assert.Equal(bob, pair.BobToAlice.KeepalivesReceived);
        pair.AliceSends(2);
        pair.Network.Run(_second);
        pair.BobSends(3);
        pair.Network.Run(TimeSpan.FromSeconds(9.5));
        Assert.Equal(before + 1, pair.AliceToBob.KeepalivesReceived);
    }

    [Fact]
    public void Silence_after_sent_data_starts_a_handshake_after_fifteen_seconds()
    {
        var pair = new Pair(seed: 10).Connect();
        pair.Network.Run(TimeSpan.FromSeconds(40));
        var initiations = new List<Instant>();
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] == 1)
                initiations.Add(datagram.SentAt);
            return false;
        };
        var start = pair.Clock.Now;
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(5));
        pair.AliceSends(2);
        pair.Network.Run(TimeSpan.FromSeconds(9.9));
        Assert.Empty(initiations);
        pair.Network.Run(_second);
        Assert.Equal(start + TimeSpan.FromSeconds(15), Assert.Single(initiations));
    }

    [Fact]
    public void Traffic_both_ways_needs_neither_keepalives_nor_many_signals()
    {
        var pair = new Pair(seed: 11).Connect();
        for (var i = 0; i < 10_000; i++)
        {
            pair.AliceSends(1);
            pair.BobSends(2);
            pair.Network.Run(TimeSpan.FromMilliseconds(10));
        }
        Assert.Equal(10_001, pair.BobToAlice.Received.Count);
        Assert.Equal(10_001, pair.AliceToBob.Received.Count);
        Assert.InRange(pair.BobToAlice.KeepalivesReceived + pair.AliceToBob.KeepalivesReceived, 0, 1);
        Assert.InRange(pair.AliceToBob.Signals, 0, 5);
        Assert.InRange(pair.BobToAlice.Signals, 0, 5);
    }

    [Fact]
    public void Persistent_keepalives_keep_to_their_interval()
    {
        var pair = new Pair(seed: 12, aliceKeepalive: TimeSpan.FromSeconds(25));
        pair.Network.Run(_second);
        Assert.NotNull(pair.BobToAlice.SendSession);
        var times = new List<Instant>();
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] == 4)
                times.Add(datagram.SentAt);
            return true;
        };
        pair.Network.Run(TimeSpan.FromSeconds(110));
        Assert.Equal(4, times.Count);
        Assert.All(times.Zip(times.Skip(1), (a, b) => b - a), gap => Assert.Equal(TimeSpan.FromSeconds(25), gap));

        // Traffic takes the place of a keepalive.
        pair.AliceSends(1);
        times.Clear();
        pair.Network.Run(TimeSpan.FromSeconds(9));
        Assert.Empty(times);
        pair.Network.Run(TimeSpan.FromHours(1));
        Assert.NotNull(pair.AliceToBob.SendSession);
        Assert.NotNull(pair.BobToAlice.SendSession);
    }

    [Fact]
    public void Everything_is_zeroed_nine_minutes_after_the_last_session()
    {
        var pair = new Pair(seed: 13).Connect();
        pair.Network.Filter = _ => false;
        pair.AliceSends(1);
        var timers = new List<TunnelTimer>();
        for (var i = 0; i < 541; i++)
        {
            if (pair.AliceToBob.Machine.NextDeadline is { } deadline)
                timers.Add(deadline.Timer);
            pair.Network.Run(_second);
        }
        Assert.Contains(TunnelTimer.ZeroKeys, timers);
        Assert.Null(pair.AliceToBob.Machine.NextDeadline);
        Assert.Null(pair.BobToAlice.Machine.NextDeadline);
        Assert.Equal(0, pair.Alice.Indexes.Count);
    }

    [Fact]
    public void An_idle_peer_wakes_nobody()
    {
        var pair = new Pair(seed: 14).Connect();
        var wakes = 0;
        Deadline? last = null;
        for (var i = 0; i < 1800; i++)
        {
            var next = pair.AliceToBob.Machine.NextDeadline;
            if (next != last)
                wakes++;
            last = next;
            pair.Network.Run(TimeSpan.FromSeconds(0.1));
        }
        Assert.InRange(wakes, 1, 6);
    }

    [Fact]
    public void Initiations_of_one_peer_are_taken_at_most_every_twenty_milliseconds()
    {
        var network = new SimNetwork(seed: 15);
        var alice = network.AddDevice();
        var bob = network.AddDevice();
        var toAlice = bob.AddPeer(alice);
        var opener = new InitiationOpener(bob.Key);
        var sent = 0;
        var answered = 0;
        for (var i = 0; i < 100; i++)
        {
            // A sender that does not keep to the five seconds: a new machine each time, ever newer timestamps.
            var machine = new PeerMachine(new PeerOptions { DeviceKey = alice.Key, Peer = bob.PublicKey, Endpoint = bob.Endpoint },
                new PeerContinuity(), alice.Indexes.For(toAlice), alice.Entropy, network.Clock.Now);
            machine.StartHandshake(network.Clock.Now);
            var buffer = new byte[148];
            Assert.True(machine.TryTakeTransmit(buffer, network.Clock.Now, network.Clock.Wall + TimeSpan.FromSeconds(i), out _));
            Assert.True(opener.TryOpen(buffer, System.Collections.Frozen.FrozenSet.ToFrozenSet([alice.PublicKey]), out var initiation, out _));
            sent++;
            var reason = toAlice.Machine.HandleInitiation(initiation, alice.Endpoint, network.Clock.Now);
            Assert.True(reason is DropReason.None or DropReason.InitiationFlood);
            answered += reason == DropReason.None ? 1 : 0;
            network.Clock.Advance(TimeSpan.FromMilliseconds(5));
        }
        Assert.Equal(100, sent);
        Assert.Equal(25, answered);
    }
}

using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Protocol.Tunnel;

public sealed class GateTests
{
    [Fact]
    public void Under_load_a_cookie_proves_the_address_and_then_it_connects()
    {
        var pair = new Pair(seed: 1);
        pair.Bob.IsOverloaded = true;
        var replies = new List<SimDatagram>();
        pair.Network.Filter = datagram =>
        {
            if (datagram.Bytes[0] == 3)
                replies.Add(datagram);
            return true;
        };
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(4));
        var reply = Assert.Single(replies);
        Assert.Equal(CookieReply.Size, reply.Bytes.Length);
        Assert.Empty(pair.BobToAlice.Received);
        Assert.Equal(1, pair.Bob.Drops[DropReason.CookieRequired]);

        pair.Network.Run(TimeSpan.FromSeconds(2));
        Assert.Single(pair.BobToAlice.Received);
        Assert.Single(replies);
    }

    [Fact]
    public void An_overloaded_initiator_lets_the_response_through_after_a_cookie()
    {
        var pair = new Pair(seed: 2);
        pair.Alice.IsOverloaded = true;
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(12));
        Assert.Single(pair.BobToAlice.Received);
        Assert.True(pair.Alice.Drops[DropReason.CookieRequired] >= 1);
    }

    [Fact]
    public void A_cookie_of_another_address_or_of_old_is_refused()
    {
        var network = new SimNetwork(seed: 3);
        var bob = network.AddDevice();
        var alice = network.AddDevice();
        var peer = alice.AddPeer(bob, bob.Endpoint);
        var now = network.Clock.Now;
        var (message, reply) = (new byte[148], new byte[64]);
        bob.Gate.ReportBacklog(TunnelTuning.LoadBacklog, now);
        Initiate(now);
        Assert.Equal(new GateVerdict(GateAction.Reply, DropReason.CookieRequired, 64), bob.Gate.Examine(message, alice.Endpoint, reply, now));
        var spoiled = reply.ToArray();
        spoiled[^1] ^= 1;
        Assert.Equal(DropReason.CookieAuthentication, peer.Machine.HandleCookieReply(spoiled, now));
        Assert.Equal(DropReason.MessageLength, peer.Machine.HandleCookieReply(reply.AsSpan(1), now));
        Assert.Equal(DropReason.None, peer.Machine.HandleCookieReply(reply, now));
        Assert.Equal(DropReason.UnexpectedMessage, peer.Machine.HandleCookieReply(reply, now));

        now += TimeSpan.FromSeconds(5.5);
        bob.Gate.ReportBacklog(TunnelTuning.LoadBacklog, now);
        Initiate(now);
        Assert.Equal(GateAction.Accept, bob.Gate.Examine(message, alice.Endpoint, reply, now).Action);
        var elsewhere = EndpointAddress.FromIPv4(0x01020304, alice.Endpoint.Port);
        Assert.Equal(GateAction.Reply, bob.Gate.Examine(message, elsewhere, reply, now).Action);
        var otherPort = EndpointAddress.FromIPv4(alice.Endpoint.IPv4, 5);
        Assert.Equal(GateAction.Reply, bob.Gate.Examine(message, otherPort, reply, now).Action);

        // The secret that made the cookie is gone after two minutes, and so is the cookie at its owner.
        var later = now + TimeSpan.FromSeconds(121);
        bob.Gate.ReportBacklog(TunnelTuning.LoadBacklog, later);
        Assert.Equal(GateAction.Reply, bob.Gate.Examine(message, alice.Endpoint, reply, later).Action);
        Assert.False(bob.Gate.IsUnderLoad(later + TimeSpan.FromSeconds(1.1)));

        void Initiate(Instant at)
        {
            peer.Machine.HandleTimeout(at);
            peer.Machine.StartHandshake(at);
            Assert.True(peer.Machine.TryTakeTransmit(message, at, network.Clock.Wall, out _));
        }
    }

    [Fact]
    public void A_source_gets_five_at_once_and_twenty_a_second()
    {
        var limiter = new SourceLimiter(new SeededEntropy(4));
        var now = new Instant(0);
        var source = EndpointAddress.FromIPv4(0x0a010203, 1000);
        var burst = 0;
        while (limiter.TryTake(source, now))
            burst++;
        Assert.Equal(5, burst);
        var taken = 0;
        for (var i = 0; i < 10_000; i++)
        {
            now += TimeSpan.FromMilliseconds(1);
            // The port does not matter: it is the address that is limited.
            if (limiter.TryTake(EndpointAddress.FromIPv4(0x0a010203, (ushort)i), now))
                taken++;
        }
        Assert.InRange(taken, 199, 201);
        Assert.True(limiter.TryTake(EndpointAddress.FromIPv4(0x0a010204, 1000), now));

        var network = Convert.FromHexString("20010db8000100020000000000000001");
        for (var i = 0; i < 5; i++)
        {
            network[15] = (byte)i;
            Assert.True(limiter.TryTake(new EndpointAddress(network, 1), now));
        }
        network[8] = 77;
        Assert.False(limiter.TryTake(new EndpointAddress(network, 1), now));
    }

    [Fact]
    public void Examining_allocates_nothing()
    {
        var pair = new Pair(seed: 5);
        byte[] initiation = [];
        pair.Network.Filter = datagram =>
        {
            initiation = datagram.Bytes;
            return false;
        };
        pair.AliceSends(1);
        var reply = new byte[64];
        var now = pair.Clock.Now;
        var from = pair.Alice.Endpoint;
        var gate = pair.Bob.Gate;
        gate.Examine(initiation, from, reply, now);
        gate.ReportBacklog(1000, now);
        gate.Examine(initiation, from, reply, now);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 500; i++)
        {
            gate.Examine(initiation, from, reply, now);
            gate.Examine(initiation, from, reply, now + TimeSpan.FromSeconds(5));
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>
    /// Random, cut and changed datagrams of every type, for a device without load and one under load. Nothing may be sent but, under
    /// load, one
    /// cookie for a valid mac1, which is shorter than what it answers.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_hundred_thousand_mutated_datagrams_get_no_reply(bool overloaded)
    {
        var pair = new Pair(seed: 6, bothKnow: true);
        var templates = new List<byte[]>();
        pair.Network.Filter = datagram =>
        {
            templates.Add(datagram.Bytes);
            return true;
        };
        pair.Bob.IsOverloaded = true;
        pair.Alice.IsOverloaded = true;
        pair.AliceSends(1, 2, 3);
        pair.Network.Run(TimeSpan.FromSeconds(20));
        pair.BobSends(4);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([1, 2, 3, 4], templates.Select(template => (int)template[0]).Distinct().Order());
        pair.Bob.IsOverloaded = overloaded;

        var random = new Random(7);
        var replies = 0;
        var cause = 0;
        var lastReceived = pair.BobToAlice.Continuity.Activity.LastReceived;
        pair.Network.Filter = datagram =>
        {
            replies++;
            Assert.True(overloaded && datagram.Bytes[0] == 3 && datagram.Bytes.Length < cause);
            return false;
        };
        var stranger = EndpointAddress.FromIPv4(0x7f000001, 7);
        for (var i = 0; i < 100_000; i++)
        {
            var datagram = Mutate(random, templates[random.Next(templates.Count)]);
            cause = datagram.Length;
            var before = replies;
            pair.Bob.Receive(datagram, stranger);
            Assert.InRange(replies - before, 0, 1);
        }
        Assert.True(overloaded || replies == 0);
        Assert.Equal(lastReceived, pair.BobToAlice.Continuity.Activity.LastReceived);
        Assert.Equal(pair.Alice.Endpoint, pair.BobToAlice.PublishedEndpoint);
        Assert.InRange(pair.Bob.Indexes.Count, 1, 4);
        foreach (var reason in new[] { DropReason.MessageType, DropReason.Mac1, DropReason.UnknownSession, DropReason.TransportAuthentication })
            Assert.True(pair.Bob.Drops[reason] > 100, reason.ToString());

        pair.Network.Filter = null;
        pair.Bob.IsOverloaded = false;
        pair.AliceSends(9);
        pair.Network.Run(TimeSpan.FromSeconds(7));
        Assert.Equal(9, pair.BobToAlice.Received[^1][0]);
    }

    static byte[] Mutate(Random random, byte[] template)
    {
        var datagram = template.ToArray();
        switch (random.Next(6))
        {
            case 0:
                random.NextBytes(datagram);
                break;
            case 1:
                random.NextBytes(datagram.AsSpan(1));
                break;
            case 2:
                return datagram[..random.Next(datagram.Length)];
            case 3:
                return [.. datagram, .. new byte[random.Next(1, 64)]];
            case 4:
                for (var i = random.Next(1, 4); i > 0; i--)
                    datagram[random.Next(datagram.Length)] ^= (byte)random.Next(1, 256);
                break;
            default:
                // Kept whole: a replay.
                break;
        }
        return datagram;
    }
}

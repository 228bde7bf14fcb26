using Mesh.Protocol.Crypto;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Protocol.Tunnel;

public sealed class SuiteTests
{
    const CipherSuite Aes = CipherSuite.Aes256Gcm;
    const CipherSuite Plain = CipherSuite.ChaCha20Poly1305;

    readonly List<CipherSuite> _initiations = [];

    [Fact]
    public void Both_ends_speak_aes_and_renewals_keep_it()
    {
        var pair = Watch(new Pair(1, presharedKey: new byte[32], aliceSuite: Aes, bobSuite: Aes)).Connect();
        Assert.Equal(Aes, pair.AliceToBob.SendSession!.Suite);
        Assert.Equal(Aes, pair.BobToAlice.SendSession!.Suite);
        var first = pair.AliceToBob.SendSession;
        for (var i = 0; i < 130; i++)
        {
            pair.Network.Run(TimeSpan.FromSeconds(1));
            pair.AliceSends(3);
            pair.BobSends(4);
        }
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.NotSame(first, pair.AliceToBob.SendSession);
        Assert.Equal(Aes, pair.AliceToBob.SendSession!.Suite);
        Assert.All(_initiations, suite => Assert.Equal(Aes, suite));
        Assert.Equal(132, pair.BobToAlice.Received.Count + 1);
        Assert.Equal(0, pair.Alice.Drops.Total + pair.Bob.Drops.Total);
        Assert.False(pair.AliceToBob.Continuity.SuiteFellBack);
    }

    [Fact]
    public void A_peer_that_ignores_aes_is_spoken_to_plainly_after_two_attempts()
    {
        var pair = Watch(new Pair(2, aliceSuite: Aes));
        pair.AliceSends(1);
        Assert.True(pair.Network.RunUntil(() => pair.BobToAlice.Received.Count == 1, TimeSpan.FromSeconds(12)));
        Assert.Equal([Aes, Aes, Plain], _initiations);
        Assert.Equal(2, pair.Bob.Drops[DropReason.MessageType]);
        Assert.Equal(2, pair.Bob.Drops.Total);
        Assert.Equal(Plain, pair.AliceToBob.SendSession!.Suite);
        Assert.True(pair.AliceToBob.Continuity.SuiteFellBack);
        Assert.Single(pair.AliceToBob.Events.OfType<PeerEvent.SuiteFellBack>());
    }

    [Fact]
    public void A_fallback_lasts_ten_minutes_and_costs_no_packet_at_its_end()
    {
        var pair = Watch(new Pair(3, aliceSuite: Aes));
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(15));
        _initiations.Clear();
        var sent = 1;
        for (; sent < 700; sent++)
        {
            pair.AliceSends(2);
            pair.BobSends(3);
            pair.Network.Run(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(sent, pair.BobToAlice.Received.Count);
        // Renewals every two minutes: plain ones for ten, then one attempt that begins anew.
        Assert.Equal([Plain, Plain, Plain, Plain, Aes, Aes, Plain], _initiations);
        Assert.Equal(Plain, pair.AliceToBob.SendSession!.Suite);
        Assert.True(pair.AliceToBob.Continuity.SuiteFellBack);
    }

    [Fact]
    public void A_fallback_ends_when_the_peer_initiates_with_aes()
    {
        var network = new SimNetwork(4);
        var alice = network.AddDevice(Aes);
        var bob = network.AddDevice(Aes);
        var aliceToBob = alice.AddPeer(bob, bob.Endpoint, suite: Aes);
        var bobToAlice = bob.AddPeer(alice, alice.Endpoint, suite: Aes);
        network.Filter = datagram => !IsInitiation(datagram) || HandshakeInitiation.Suite(datagram.Bytes) == Plain;
        alice.SendPacket(aliceToBob, [1]);
        network.Run(TimeSpan.FromSeconds(15));
        Assert.True(aliceToBob.Continuity.SuiteFellBack);
        Assert.Equal(Plain, aliceToBob.SendSession!.Suite);

        network.Filter = null;
        bobToAlice.Machine.StartHandshake(network.Clock.Now);
        bob.Drain(bobToAlice);
        network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(Aes, aliceToBob.SendSession!.Suite);
        Assert.False(aliceToBob.Continuity.SuiteFellBack);
        network.Run(TimeSpan.FromSeconds(10));
        aliceToBob.Machine.StartHandshake(network.Clock.Now);
        alice.Drain(aliceToBob);
        network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(SessionRole.Initiator, aliceToBob.SendSession!.Role);
        Assert.Equal(Aes, aliceToBob.SendSession.Suite);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_suite_that_is_asked_for_during_a_handshake_costs_it_nothing(bool answerUnderWay)
    {
        var network = new SimNetwork(12);
        var alice = network.AddDevice(Aes);
        var bob = network.AddDevice(Aes);
        var aliceToBob = alice.AddPeer(bob, bob.Endpoint, suite: Plain);
        var bobToAlice = bob.AddPeer(alice, alice.Endpoint, suite: Plain);
        List<CipherSuite> initiations = [];
        network.Filter = datagram =>
        {
            if (IsInitiation(datagram))
                initiations.Add(HandshakeInitiation.Suite(datagram.Bytes));
            return true;
        };
        alice.SendPacket(aliceToBob, [1]);
        if (answerUnderWay)
            Assert.True(network.RunUntil(() => bobToAlice.Continuity.Next is not null, TimeSpan.FromSeconds(1)));
        aliceToBob.Machine.Configure(Aes, null, TimeSpan.Zero, network.Clock.Now);
        alice.Drain(aliceToBob);
        bobToAlice.Machine.Configure(Aes, null, TimeSpan.Zero, network.Clock.Now);
        bob.Drain(bobToAlice);
        network.Run(TimeSpan.FromSeconds(1));
        Assert.Single(bobToAlice.Received);
        Assert.Equal(Plain, aliceToBob.SendSession!.Suite);

        network.Run(TimeSpan.FromSeconds(6));
        Assert.Equal([Plain, Aes], initiations);
        Assert.Equal(Aes, aliceToBob.SendSession!.Suite);
        bob.SendPacket(bobToAlice, [2]);
        Assert.True(network.RunUntil(() => aliceToBob.Received.Count == 1, TimeSpan.FromSeconds(1)));
        Assert.Equal(Aes, bobToAlice.SendSession!.Suite);
        Assert.False(aliceToBob.Continuity.SuiteFellBack);
        Assert.Equal(0, alice.Drops.Total + bob.Drops.Total);
    }

    [Fact]
    public void A_peer_that_is_away_is_not_remembered_as_one_without_aes()
    {
        var pair = Watch(new Pair(5, aliceSuite: Aes, bobSuite: Aes));
        pair.Network.Filter = _ => false;
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(95));
        Watch(pair);
        _initiations.Clear();
        pair.Connect();
        Assert.Equal([Aes], _initiations);
        Assert.Equal(Aes, pair.AliceToBob.SendSession!.Suite);
        Assert.False(pair.AliceToBob.Continuity.SuiteFellBack);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    public void Crossing_initiations_of_different_suites_both_complete(int seed)
    {
        var network = new SimNetwork(seed);
        var alice = network.AddDevice(Aes);
        var bob = network.AddDevice(Aes);
        var aliceToBob = alice.AddPeer(bob, bob.Endpoint, suite: Aes);
        var bobToAlice = bob.AddPeer(alice, alice.Endpoint, suite: Plain);
        alice.SendPacket(aliceToBob, [1]);
        bob.SendPacket(bobToAlice, [2]);
        network.Run(TimeSpan.FromSeconds(2));
        Assert.Single(aliceToBob.Received);
        Assert.Single(bobToAlice.Received);
        Assert.Equal(aliceToBob.SendSession!.Suite, bobToAlice.SendSession!.Suite);
        Assert.Equal(aliceToBob.SendSession.Local, bobToAlice.SendSession.Remote);
    }

    [Fact]
    public void A_cookie_for_an_aes_initiation_is_an_answer()
    {
        var pair = Watch(new Pair(10, aliceSuite: Aes, bobSuite: Aes));
        pair.Bob.IsOverloaded = true;
        var responses = 0;
        pair.Network.Filter = Also(pair.Network.Filter!, datagram =>
            TunnelMessage.Classify(datagram.Bytes) != MessageType.Response || ++responses > 1);
        pair.AliceSends(1);
        Assert.True(pair.Network.RunUntil(() => pair.BobToAlice.Received.Count == 1, TimeSpan.FromSeconds(30)));
        Assert.All(_initiations, suite => Assert.Equal(Aes, suite));
        Assert.True(_initiations.Count >= 3);
    }

    [Fact]
    public void A_mark_that_was_changed_on_the_way_opens_nothing()
    {
        var pair = new Pair(11, aliceSuite: Aes, bobSuite: Aes);
        pair.Network.Filter = datagram =>
        {
            if (IsInitiation(datagram))
                datagram.Bytes[1] ^= 1;
            return true;
        };
        pair.AliceSends(1);
        pair.Network.Run(TimeSpan.FromSeconds(30));
        Assert.Empty(pair.BobToAlice.Received);
        Assert.Equal(pair.Bob.Drops.Total, pair.Bob.Drops[DropReason.Mac1]);
        Assert.NotEqual(0, pair.Bob.Drops.Total);
    }

    [Fact]
    public void The_mark_is_one_byte_of_initiations_only()
    {
        var message = new byte[HandshakeInitiation.Size];
        HandshakeInitiation.WriteHeader(message, new SessionIndex(7), Aes);
        Assert.Equal("0101000007000000", Convert.ToHexStringLower(message.AsSpan(0, 8)));
        Assert.Equal(MessageType.Initiation, TunnelMessage.Classify(message));
        Assert.Equal(Aes, HandshakeInitiation.Suite(message));
        message[2] = 1;
        Assert.Equal(MessageType.None, TunnelMessage.Classify(message));
        foreach (var (type, size) in new[] { (2, HandshakeResponse.Size), (3, CookieReply.Size), (4, 64) })
        {
            var other = new byte[size];
            other[0] = (byte)type;
            Assert.NotEqual(MessageType.None, TunnelMessage.Classify(other));
            other[1] = 1;
            Assert.Equal(MessageType.None, TunnelMessage.Classify(other));
        }
    }

    Pair Watch(Pair pair)
    {
        pair.Network.Filter = datagram =>
        {
            if (IsInitiation(datagram))
                _initiations.Add(HandshakeInitiation.Suite(datagram.Bytes));
            return true;
        };
        return pair;
    }

    static Func<SimDatagram, bool> Also(Func<SimDatagram, bool> one, Func<SimDatagram, bool> other) => datagram => one(datagram) && other(datagram);

    static bool IsInitiation(SimDatagram datagram) => TunnelMessage.Classify(datagram.Bytes) == MessageType.Initiation;
}

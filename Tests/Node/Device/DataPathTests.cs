using System.Net;
using System.Net.Sockets;
using Mesh.Actors.Device;
using Mesh.Node;
using Mesh.Node.Device;
using Mesh.Protocol.Filter;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit;

namespace Mesh.Tests.Node.Device;

public sealed class DataPathTests : IDisposable
{
    const string A = "10.7.0.1", B = "10.7.0.2";

    readonly TestClock _clock = new();
    readonly TestNode _a;
    readonly TestNode _b;

    public DataPathTests() => (_a, _b) = (new TestNode(A, _clock), new TestNode(B, _clock));

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }

    (PeerSlot ToB, PeerSlot ToA) Joined(PeerRules? rules = null, PeerRules? rulesOfB = null)
    {
        PeerSlot toB = _a.AddPeer(_b, rules), toA = _b.AddPeer(_a, rulesOfB);
        var (session, answering) = TestNode.Join(toB, toA, _clock.Now);
        toB.SetSendSession(session);
        toA.SetSendSession(answering);
        return (toB, toA);
    }

    [Fact]
    public void PacketsOfEverySizeArriveInOrderAndUnchanged()
    {
        var (toB, toA) = Joined();
        var seed = Environment.TickCount;
        Random random = new(seed);
        var sent = Enumerable.Range(0, 500).Select(i => IpPackets.Udp(A, 1 + i, B, 9, random.Next(2) == 0 ? 1392 : random.Next(0, 1392))).ToArray();
        foreach (var packet in sent)
            _a.Tun.Give(packet);
        for (var i = 0; i < 20; i++)
        {
            _a.Pump();
            _b.Pump();
        }

        Assert.True(sent.Length == _b.Tun.Delivered.Count, $"seed {seed}: {_b.Tun.Delivered.Count} of {sent.Length}, drops {string.Join(", ", _b.Plane.Drops.Snapshot())}");
        Assert.All(sent.Zip(_b.Tun.Delivered), pair => Assert.Equal(pair.First, pair.Second));
        Assert.Equal(500, toB.Sent.Packets);
        Assert.Equal(500, toA.Received.Packets);
        Assert.Equal(toB.Sent.Bytes, toA.Received.Bytes);
    }

    [Fact]
    public void ThePacketThreadsAllocateNothingPerPacket()
    {
        Joined(new PeerRules([], [FilterRule.Any]), new PeerRules([FilterRule.Any], []));
        _b.Tun.Keep = false;
        var packets = Enumerable.Range(0, 64).Select(i => IpPackets.Udp(A, 1 + i, B, 9, 1392)).ToArray();
        void Round()
        {
            foreach (var packet in packets)
                _a.Tun.Give(packet);
            _a.Pump();
            _b.Pump();
        }

        for (var i = 0; i < 200; i++)
            Round();
        var delivered = _b.Tun.DeliveredCount;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 200; i++)
            Round();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(200 * 64, _b.Tun.DeliveredCount - delivered);
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void PacketsAreHeldWithinBoundsAndSentWhenTheSessionComes()
    {
        PeerSlot toB = _a.AddPeer(_b), toA = _b.AddPeer(_a);
        var told = 0;
        toB.Attach(() => told++);
        for (var i = 0; i < 200; i++)
            _a.Tun.Give(IpPackets.Udp(A, 1 + i, B, 9));
        _a.Pump();
        Assert.Equal(1, told);
        Assert.Equal(PeerSignals.SessionWanted, toB.TakeSignals());
        Assert.Equal(200 - TunnelTuning.StagedPackets, _a.Plane.Drops[DropReason.StagingOverflow]);

        var (session, answering) = TestNode.Join(toB, toA, _clock.Now);
        toB.SetSendSession(session);
        toA.SetSendSession(answering);
        _a.Tun.Give(IpPackets.Udp(A, 1000, B, 9));
        _a.Pump();
        _b.Pump();
        // The newest are kept, and what comes after the session goes after them.
        var ports = _b.Tun.Delivered.Select(p => p[20] << 8 | p[21]).ToArray();
        Assert.Equal([.. Enumerable.Range(1 + 200 - TunnelTuning.StagedPackets, TunnelTuning.StagedPackets), 1000], ports);
    }

    [Fact]
    public void HeldPacketsOfAHandshakeThatGaveUpAreDroppedAndTheNextAsksAgain()
    {
        var toB = _a.AddPeer(_b);
        _a.Tun.Give(IpPackets.Udp(A, 1, B, 9));
        _a.Pump();
        toB.TakeSignals();
        toB.DropHeld(DropReason.HandshakeGaveUp);
        _a.Pump();
        Assert.Equal(1, _a.Plane.Drops[DropReason.HandshakeGaveUp]);
        _a.Tun.Give(IpPackets.Udp(A, 2, B, 9));
        _a.Pump();
        Assert.Equal(PeerSignals.SessionWanted, toB.TakeSignals());
    }

    [Fact]
    public void AnExpiredSessionHoldsItsPacketsAndAsksForAnother()
    {
        var (toB, _) = Joined();
        _clock.Advance(TunnelSpecification.RejectAfterTime + TimeSpan.FromSeconds(1));
        _a.Tun.Give(IpPackets.Udp(A, 1, B, 9));
        _a.Pump();
        Assert.True(toB.TakeSignals().HasFlag(PeerSignals.SessionWanted));
        Assert.Equal(1, toB.Lane(0)!.Held.Count);
    }

    [Fact]
    public void WhatMayNotPassIsDroppedUnderItsName()
    {
        Joined();
        void Send(byte[] packet)
        {
            _a.Tun.Give(packet);
            _a.Pump();
            _b.Pump();
        }

        Send(IpPackets.Udp(A, 1, "10.9.9.9", 9));
        Assert.Equal(1, _a.Plane.Drops[DropReason.NoRoute]);
        Send([1, 2, 3]);
        Assert.Equal(1, _a.Plane.Drops[DropReason.InnerPacket]);
        Send(IpPackets.Udp("10.7.0.3", 1, B, 9));
        Assert.Equal(1, _b.Plane.Drops[DropReason.InnerSource]);
        var own = _b.Own;
        _b.Plane.Publish([new InterfaceAddress(IPAddress.Parse("10.7.0.99"), 24)], false, [(_b.Plane.Ports[0], _b.PeerFor(_a))]);
        Send(IpPackets.Udp(A, 1, B, 9));
        Assert.Equal(1, _b.Plane.Drops[DropReason.InnerDestination]);
        _b.Plane.Publish(own, false, [(_b.Plane.Ports[0], _b.PeerFor(_a, PeerRules.None))]);
        Send(IpPackets.Udp(A, 1, B, 9));
        Assert.Equal(1, _b.Plane.Drops[DropReason.Policy]);
        _a.Plane.Publish(_a.Own, false, [(_a.Plane.Ports[0], _a.PeerFor(_b, PeerRules.None))]);
        Send(IpPackets.Udp(A, 1, B, 9));
        Assert.Equal(1, _a.Plane.Drops[DropReason.PolicySend]);
        Assert.Empty(_b.Tun.Delivered);
    }

    [Fact]
    public void AReplayedOrForgedMessageIsDroppedAndMovesNoEndpoint()
    {
        var (_, toA) = Joined();
        using Socket spy = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        spy.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _a.Plane.Ports[0].SetEndpoint(EndpointAddress.From((IPEndPoint)spy.LocalEndPoint!));
        _a.Tun.Give(IpPackets.Udp(A, 1, B, 9));
        _a.Pump();
        var captured = new byte[2048];
        captured = captured[..spy.Receive(captured)];

        IPEndPoint b = new(IPAddress.Loopback, _b.Udp.LocalPort);
        var before = toA.Endpoint;
        var forged = captured.ToArray();
        forged[^1] ^= 1;
        spy.SendTo(forged, b);
        _b.Receive();
        Assert.Equal(1, _b.Plane.Drops[DropReason.TransportAuthentication]);
        Assert.Equal(before, toA.Endpoint);

        spy.SendTo(captured, b);
        _b.Receive();
        Assert.Equal(((IPEndPoint)spy.LocalEndPoint!).Port, toA.Endpoint.Port);
        Assert.True(toA.TakeSignals().HasFlag(PeerSignals.EndpointMoved));
        toA.SetEndpoint(before);
        spy.SendTo(captured, b);
        _b.Receive();
        Assert.Equal(1, _b.Plane.Drops[DropReason.Replay]);
        Assert.Equal(before, toA.Endpoint);
        Assert.Single(_b.Tun.Delivered);
    }

    [Fact]
    public void RandomDatagramsGetNoAnswerAndAreCounted()
    {
        Joined();
        using Socket spy = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 1 };
        spy.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var seed = Environment.TickCount;
        Random random = new(seed);
        IPEndPoint b = new(IPAddress.Loopback, _b.Udp.LocalPort);
        for (var i = 0; i < 5000; i++)
        {
            var datagram = new byte[random.Next(0, 200)];
            random.NextBytes(datagram);
            if (datagram.Length >= 4 && random.Next(2) == 0)
                new byte[] { (byte)random.Next(1, 5), 0, 0, 0 }.CopyTo(datagram, 0);
            if (random.Next(8) == 0)
                Array.Resize(ref datagram, random.Next(3) switch { 0 => 148, 1 => 92, _ => 64 });
            spy.SendTo(datagram, b);
            if (i % 16 == 0)
                _b.Receive();
        }

        _b.Receive();
        Assert.True(spy.Available == 0, $"seed {seed}: an answer came");
        Assert.True(_b.Plane.Drops.Total > 4000, $"seed {seed}: {_b.Plane.Drops.Total} counted");
        Assert.Empty(_b.Tun.Delivered);
    }

    [Fact]
    public void UnderLoadASenderGetsAtMostACookieAndNeverMoreThanItSent()
    {
        using TestNode loaded = new("10.7.0.3", _clock, startWorker: false);
        PeerMachine machine = new(
            new PeerOptions { DeviceKey = _a.Plane.DeviceKey!, Peer = loaded.Plane.DeviceKey!.PublicKey, Endpoint = loaded.Endpoint },
            new PeerContinuity(), _a.AddPeer(loaded).Indexes, SystemEntropy.Instance, _clock.Now);
        machine.StartHandshake(_clock.Now);
        var initiation = new byte[TunnelMessage.MaximumHandshakeSize];
        Assert.True(machine.TryTakeTransmit(initiation, _clock.Now, _clock.WallNow, out _));

        using Socket spy = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        spy.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint to = new(IPAddress.Loopback, loaded.Udp.LocalPort);
        for (var i = 0; i < 300; i++)
        {
            spy.SendTo(initiation, to);
            loaded.Receive();
        }

        var cookies = loaded.Plane.Drops[DropReason.CookieRequired];
        Assert.Equal(300 - TunnelTuning.LoadBacklog, cookies);
        // The worker was asleep all the while: now it opens what waits, whose sender is nobody's peer, and sends the cookies.
        loaded.Worker.Start();
        Assert.True(SpinWait.SpinUntil(() => loaded.Plane.Drops[DropReason.UnknownPeer] == TunnelTuning.LoadBacklog, 10_000));
        var answers = 0;
        var answer = new byte[2048];
        spy.ReceiveTimeout = 5000;
        while (answers < cookies)
        {
            Assert.Equal(CookieReply.Size, spy.Receive(answer));
            answers++;
        }

        Assert.Equal(0, spy.Available);
    }

    [Fact]
    public void ARemovedPeerIsSentNothingAndHeardNoMore()
    {
        var (toB, toA) = Joined();
        _b.Plane.RemovePeer(toA);
        _a.Tun.Give(IpPackets.Udp(A, 1, B, 9));
        _a.Pump();
        _b.Pump();
        Assert.Equal(1, _b.Plane.Drops[DropReason.Down]);
        _b.Tun.Give(IpPackets.Udp(B, 1, A, 9));
        _b.Plane.Publish(_b.Own, false, []);
        _b.Pump();
        Assert.Equal(1, _b.Plane.Drops[DropReason.NoRoute]);
        Assert.Empty(_b.Tun.Delivered);
        Assert.Equal(1, toB.Sent.Packets);
    }

    [Fact]
    public void ARefusedSendIsCountedAndThePumpGoesOn()
    {
        var (toB, _) = Joined();
        // Port 0 is refused by every kernel.
        toB.SetEndpoint(EndpointAddress.FromIPv4(0x7f000001, 0));
        for (var i = 0; i < 5; i++)
            _a.Tun.Give(IpPackets.Udp(A, 1, B, 9));
        _a.Pump();
        Assert.Equal(5, _a.Plane.Drops[DropReason.Io]);
        toB.SetEndpoint(_b.Endpoint);
        _a.Tun.Give(IpPackets.Udp(A, 1, B, 9));
        _a.Pump();
        _b.Pump();
        Assert.Single(_b.Tun.Delivered);
    }
}

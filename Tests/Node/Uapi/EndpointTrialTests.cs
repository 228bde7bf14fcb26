using Mesh.Actors.Device;
using Mesh.Node.Uapi;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Tests.Node.Uapi;

/// <summary>A device that takes one endpoint, looked at once a second.</summary>
public sealed class EndpointTrialTests
{
    static readonly EndpointAddress First = EndpointAddress.FromIPv4(0xc0000201, 1), Second = EndpointAddress.FromIPv4(0xc0000202, 2),
        Third = EndpointAddress.FromIPv4(0xc0000203, 3), Elsewhere = EndpointAddress.FromIPv4(0xc0000209, 9);

    TunnelPeer _peer = new() { Key = new TunnelPublicKey(new byte[32]), Endpoints = [First, Second, Third] };
    UapiPeerStatus? _status;
    EndpointTrial _trial;
    int _second;

    [Fact]
    public void A_new_peer_gets_the_best_candidate() => Assert.Equal(First, Look());

    [Fact]
    public void A_peer_without_candidates_keeps_what_the_device_has()
    {
        _peer = _peer with { Endpoints = [] };
        Assert.Equal(default, Look());
        Has(Elsewhere, sent: 148);
        Assert.Equal(default, Look(20));
    }

    [Fact]
    public void While_nothing_is_sent_nothing_is_tried()
    {
        Has(Look());
        Assert.Equal(default, Look(600));
        Assert.False(_trial.IsWaiting);
    }

    [Fact]
    public void A_candidate_that_does_not_answer_makes_room_for_the_next_in_turn()
    {
        Has(Look());
        foreach (var next in new[] { Second, Third, First })
        {
            Has(_status!.Endpoint, sent: _status.SentBytes + 148);
            Assert.Equal(default, Look());
            Assert.True(_trial.IsWaiting);
            Assert.Equal(default, Look(2));
            Assert.Equal(next, Look());
            Has(next);
            Assert.Equal(default, Look(60));
        }
    }

    [Fact]
    public void A_candidate_that_answers_stays()
    {
        Has(Look(), sent: 148);
        Assert.Equal(default, Look());
        Has(First, sent: 148, received: 92, handshake: true);
        Assert.Equal(default, Look());
        Assert.False(_trial.IsWaiting);
        for (var i = 0; i < 170; i++)
        {
            Has(First, sent: 148 + i * 100, received: 92 + i * 100);
            Assert.Equal(default, Look());
        }
    }

    [Fact]
    public void Where_a_live_peer_moved_to_it_is_left()
    {
        Has(Look());
        Has(Elsewhere, sent: 148, received: 148, handshake: true);
        Assert.Equal(default, Look(10));
        _peer = _peer with { Endpoints = [Second] };
        Assert.Equal(default, Look());
    }

    [Fact]
    public void A_live_peer_that_falls_silent_is_looked_for_elsewhere()
    {
        Has(Look());
        Has(First, sent: 148, received: 92, handshake: true);
        Assert.Equal(default, Look());
        Has(First, sent: 300, received: 92);
        Assert.Equal(default, Look(15));
        Assert.Equal(Second, Look());
    }

    [Fact]
    public void Persistent_keepalives_expect_no_answer()
    {
        _peer = _peer with { PersistentKeepalive = TimeSpan.FromSeconds(25) };
        Has(Look());
        Has(First, sent: 148, received: 92, handshake: true);
        for (var i = 0; i < 170; i++)
        {
            Assert.Equal(default, Look());
            Assert.False(_trial.IsWaiting);
            Has(First, sent: 148 + i / 25 * 32, received: 92);
        }
    }

    [Fact]
    public void A_hint_replaces_an_endpoint_that_has_never_worked_or_no_longer_does()
    {
        Has(Look());
        _peer = _peer with { Endpoints = [Second, Third] };
        Assert.Equal(Second, Look());
        Has(Second, sent: 148, received: 92, handshake: true);
        _peer = _peer with { Endpoints = [Third] };
        Assert.Equal(default, Look(179));
        Assert.Equal(Third, Look(2));
    }

    void Has(EndpointAddress endpoint, long? sent = null, long? received = null, bool handshake = false) => _status = new UapiPeerStatus
    {
        Key = _peer.Key, Endpoint = endpoint, SentBytes = sent ?? _status?.SentBytes ?? 0, ReceivedBytes = received ?? _status?.ReceivedBytes ?? 0,
        LastHandshake = handshake ? new WallTime(_second * 1000L) : _status?.LastHandshake,
    };

    // Looks once a second and gives what the last look decides; the looks before it decide nothing.
    EndpointAddress Look(int seconds = 1)
    {
        for (var i = 1; ; i++)
        {
            (var set, _trial) = EndpointTrial.Decide(_trial, _peer, _status, new Instant(_second * TimeSpan.TicksPerSecond), new WallTime(_second * 1000L));
            _second++;
            if (i == seconds)
                return set;
            Assert.Equal(default, set);
        }
    }
}

using System.Net;
using Mesh.Actors.Control;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Kit.Trust;

namespace Mesh.Tests.Actors.Control;

public sealed class ControlLinkTests : TestKit
{
    static readonly WallTime _start = new(1_800_000_000_000);

    readonly SigningNetwork _network = new(_start);
    readonly SigningPrivateKey _identity = new(Enumerable.Repeat((byte)9, 32).ToArray());
    readonly StepClock _clock = new(_start);
    readonly FakeTransport _transport = new();
    readonly FakeNode _node;

    public ControlLinkTests(Xunit.Abstractions.ITestOutputHelper output) : base(output: output) => _node = new FakeNode(_network.Empty);

    IActorRef Start(params string[] controllers)
    {
        var setup = new ControlLinkSetup
        {
            Transport = _transport,
            Sink = _node,
            Memory = _node,
            Endpoints = _node,
            Identity = _identity,
            Controllers = controllers.Length == 0 ? ["a:1"] : controllers,
            Version = "1",
            Os = "linux",
            Hostname = "laptop",
            Time = _clock,
            Jitter = new Random(1),
        };
        return Sys.ActorOf(Props.Create(() => new ControlLink(setup)), "control");
    }

    static Task<ControlStatus> StatusAsync(IActorRef link) => link.Ask<ControlStatus>(ControlProtocol.GetStatus.Instance, TimeSpan.FromSeconds(5));

    async Task<(IActorRef Link, FakeStream Stream)> StartWithMapAsync(params PeerEntry[] peers)
    {
        var link = Start();
        var stream = await _transport.NextAsync();
        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(peers), 10)));
        Assert.Equal(10, (await stream.NextAsync()).Ack!.Revision);
        return (link, stream);
    }

    [Fact]
    public async Task A_map_is_in_force_and_kept_before_it_is_acknowledged()
    {
        var (link, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));

        Assert.Equal(0, stream.Attach.Revision);
        Assert.Equal(["apply", "apply", "save"], _node.Steps);
        Assert.Single(_node.InForce!.Peers);
        var status = await StatusAsync(link);
        Assert.True(status.InForce);
        Assert.Equal("a:1", status.Controller);
        Assert.Empty(status.Health);
    }

    [Fact]
    public async Task An_acknowledgement_names_the_body_in_force()
    {
        var (_, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));
        var from = _network.Body(SigningNetwork.Peer(20));
        var to = _network.Body(SigningNetwork.Peer(21));

        stream.Send(new DownFrame(Map: _network.Frame(new MapLeaf(_network.Node, Delta: MapChange.Between(from, to)), 11)));

        var ack = (await stream.NextAsync()).Ack!;
        Assert.Equal((1, 11L, MapChange.Hash(to)), (ack.Epoch, ack.Revision, ack.BodyHash));
        Assert.Equal("peer-21", Assert.Single(_node.InForce!.Peers).Name);
    }

    [Fact]
    public async Task A_map_that_the_system_will_not_have_is_not_acknowledged_and_said_to_be_so()
    {
        var (link, stream) = await StartWithMapAsync();
        _node.ApplyFails = new IOException("no such device");

        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(SigningNetwork.Peer(20)), 11)));
        stream.Send(new DownFrame(Ping: 5));

        Assert.Equal(5, (await stream.NextAsync()).Pong);
        Assert.Contains((await StatusAsync(link)).Health, line => line.Contains("no such device"));
    }

    [Fact]
    public async Task A_history_that_contradicts_what_was_seen_is_said_and_kept_until_the_true_one_is_back()
    {
        var link = Start();
        var stream = await _transport.NextAsync();
        Assert.Null(stream.Attach.Audit);
        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(), 10, change: head => head with { Audit = Head(10) })));
        await stream.NextAsync();
        Assert.Equal(Head(10), _node.Trust.Audit!.Held);

        // The controller comes back with an older database.
        stream.End();
        stream = await _transport.NextAsync();
        Assert.Equal(Head(10), stream.Attach.Audit);
        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(), 7, change: head => head with { Audit = Head(7) })));
        Assert.Equal("OlderRevision", (await stream.NextAsync()).Refused);
        var line = Assert.Single((await StatusAsync(link)).Health);
        Assert.Contains("speaks of revision 7, this node has seen 10: its database was rolled back", line);
        stream.Send(new DownFrame(Audit: _network.Answer(10, Head(7))));
        stream.Send(new DownFrame(Ping: 1));
        await stream.NextAsync();
        line = Assert.Single((await StatusAsync(link)).Health);
        Assert.Contains("ends with event 7, this node has seen event 10", line);
        Assert.Contains("restore --new-epoch", line);

        // Then it has grown beyond: the map is newer, the history is not the same.
        stream.End();
        stream = await _transport.NextAsync();
        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(), 12, change: head => head with { Audit = Head(12, 1) })));
        Assert.Equal(12, (await stream.NextAsync()).Ack!.Revision);
        stream.Send(new DownFrame(Audit: _network.Answer(10, Head(10, 1), Head(12, 1))));
        stream.Send(new DownFrame(Ping: 2));
        await stream.NextAsync();
        Assert.Contains("is another than this node has seen up to event 10", Assert.Single((await StatusAsync(link)).Health));
        // Whoever starts from what was kept knows it still.
        Assert.Equal((Head(10), Head(10, 1)), (_node.Trust.Audit!.Held, _node.Trust.Audit.Dispute!.Shown));

        stream.End();
        stream = await _transport.NextAsync();
        Assert.Equal(Head(10), stream.Attach.Audit);
        stream.Send(new DownFrame(Audit: _network.Answer(10, Head(10), Head(20))));
        stream.Send(new DownFrame(Ping: 3));
        await stream.NextAsync();
        Assert.Empty((await StatusAsync(link)).Health);

        static AuditHead Head(long ordering, byte fork = 0) => new(ordering, ordering, new Digest256([.. Enumerable.Repeat((byte)ordering, 31), fork]));
    }

    public static TheoryData<string, TrustRefusal> Lies => new()
    {
        { "flipped byte in the leaf", TrustRefusal.Malformed },
        { "flipped byte in a name", TrustRefusal.WrongPath },
        { "flipped byte in the head", TrustRefusal.BadSignature },
        { "older revision", TrustRefusal.OlderRevision },
        { "another node's leaf", TrustRefusal.NotForThisNode },
        { "wrong path", TrustRefusal.WrongPath },
        { "expired", TrustRefusal.Expired },
        { "withdrawn delegation", TrustRefusal.DelegationWithdrawn },
        { "foreign delegation", TrustRefusal.ForeignDelegation },
        { "unopened epoch", TrustRefusal.UnopenedEpoch },
        { "delta of another body", TrustRefusal.WrongBase },
    };

    [Theory, MemberData(nameof(Lies))]
    public async Task A_lying_controller_changes_nothing_and_status_says_so(string lie, TrustRefusal expected)
    {
        var (link, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));
        if (lie == "withdrawn delegation")
        {
            var body = _network.Body(SigningNetwork.Peer(20)) with { Withdrawn = [_network.Controller] };
            stream.Send(new DownFrame(Map: _network.Frame(new MapLeaf(_network.Node, Full: body), 11)));
            await stream.NextAsync();
        }
        var before = _node.Trust;
        var inForce = _node.InForce;

        stream.Send(new DownFrame(Map: Lie(lie)));

        Assert.Equal(expected.ToString(), (await stream.NextAsync()).Refused);
        var status = await StatusAsync(link);
        Assert.Same(before, _node.Trust);
        Assert.Same(inForce, _node.InForce);
        Assert.True(status.InForce);
        Assert.Contains(status.Health, line => line.Contains($"2027-01-15 08:00:00Z: {expected}"));
    }

    MapFrame Lie(string lie)
    {
        var truth = _network.Frame(_network.Full(SigningNetwork.Peer(21)), 12);
        using var other = new SigningNetwork(_start, seed: 50);
        return lie switch
        {
            "flipped byte in the leaf" => truth with { Leaf = Flip(truth.Leaf, 0) },
            "flipped byte in a name" => truth with { Leaf = Flip(truth.Leaf, truth.Leaf.AsSpan().IndexOf("laptop"u8)) },
            "flipped byte in the head" => truth with { Head = truth.Head with { Payload = Flip(truth.Head.Payload, 30) } },
            "older revision" => _network.Frame(_network.Full(), 9),
            "another node's leaf" => _network.Frame(new MapLeaf(SigningNetwork.PeerId(20), Full: _network.Body()), 12),
            "wrong path" => truth with { Path = [truth.Path[1], truth.Path[0]] },
            "expired" => _network.Frame(_network.Full(), 12, change: head => head with { AcceptUntil = _start - TimeSpan.FromSeconds(1) }),
            "withdrawn delegation" => truth,
            "foreign delegation" => truth with { Delegation = _network.Sign(_network.Delegation, by: other.RootKey) },
            "unopened epoch" => _network.Frame(_network.Full(), 12, epoch: 2),
            _ => _network.Frame(new MapLeaf(_network.Node, Delta: MapChange.Between(_network.Body(SigningNetwork.Peer(30)), _network.Body())), 12),
        };
    }

    static byte[] Flip(byte[] bytes, int at)
    {
        var flipped = bytes.ToArray();
        flipped[at] ^= 1;
        return flipped;
    }

    [Fact]
    public async Task Past_its_validity_the_map_is_taken_out_of_force_and_a_renewal_brings_it_back()
    {
        var (link, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));
        _clock.Now = _start + TimeSpan.FromDays(7) + TimeSpan.FromMilliseconds(1);

        var status = await StatusAsync(link);

        Assert.Null(_node.InForce);
        Assert.False(status.InForce);
        Assert.Contains(status.Health, line => line.Contains("expired at 2027-01-22"));

        _network.Now = _clock.Now;
        stream.Send(new DownFrame(Map: _network.Frame(new MapLeaf(_network.Node, Renewal: new MapRenewal(MapChange.Hash(_network.Body(SigningNetwork.Peer(20))))), 11)));
        Assert.Equal(11, (await stream.NextAsync()).Ack!.Revision);
        Assert.Single(_node.InForce!.Peers);
    }

    [Fact]
    public async Task The_actors_own_timer_closes_an_expired_map()
    {
        var (link, _) = await StartWithMapAsync(SigningNetwork.Peer(20));
        _clock.Now = _start + TimeSpan.FromDays(8);

        link.Tell(ControlProtocol.CheckValidity.Instance);

        await AwaitConditionAsync(() => _node.InForce is null);
    }

    [Fact]
    public async Task A_kept_map_is_in_force_with_no_controller_and_peers_are_tried_where_they_were()
    {
        Assert.Equal(TrustRefusal.None, _network.Empty.TryAccept(_network.Frame(_network.Full(SigningNetwork.Peer(20)), 10), _start, out var kept));
        var node = new FakeNode(kept) { Endpoints = new Dictionary<NodeId, IReadOnlyList<string>> { [SigningNetwork.PeerId(20)] = ["192.0.2.20:51820"] } };
        _transport.Answer = _ => new IOException("connection refused");
        var setup = new ControlLinkSetup
        {
            Transport = _transport, Sink = node, Memory = node, Endpoints = node, Identity = _identity, Controllers = ["a:1"],
            Version = "1", Os = "linux", Hostname = "laptop", Time = _clock,
        };
        var link = Sys.ActorOf(Props.Create(() => new ControlLink(setup)));

        await AwaitAssertAsync(async () =>
        {
            var status = await StatusAsync(link);
            Assert.True(status.InForce);
            Assert.Contains(status.Health, line => line.Contains("a:1: connection refused"));
        });
        Assert.Equal([IPEndPoint.Parse("192.0.2.20:51820")], node.Candidates[SigningNetwork.PeerId(20)]);
    }

    [Fact]
    public async Task A_removal_takes_everything_out_of_force_and_says_why()
    {
        var (link, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));

        stream.Send(new DownFrame(Map: _network.Frame(new MapLeaf(_network.Node, Removal: new MapRemoval("revoked")), 11)));
        stream.Send(new DownFrame(Close: "revoked"));

        await AwaitConditionAsync(() => _node.InForce is null);
        var status = await StatusAsync(link);
        Assert.Equal("revoked", _node.Trust.Removed);
        Assert.Contains(status.Health, line => line.Contains("taken out of the network (revoked)"));
    }

    [Fact]
    public async Task A_closing_word_without_a_signature_takes_nothing_away()
    {
        var (link, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));
        _transport.Answer = _ => new ControlRefusedException(RefusalCodes.NodeRevoked, "this node was revoked");

        stream.Send(new DownFrame(Close: "revoked"));
        stream.End();

        await AwaitAssertAsync(async () =>
        {
            var status = await StatusAsync(link);
            Assert.True(status.InForce);
            Assert.Null(status.Controller);
            Assert.Contains(status.Health, line => line.Contains("a:1 refuses this node (node-revoked): this node was revoked: what this node has stays in force until 2027-01-22"));
        });
    }

    [Fact]
    public async Task It_leaves_the_stream_to_a_copy_of_itself_for_a_while_and_says_so()
    {
        var (link, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));

        stream.Send(new DownFrame(Close: "copied"));
        stream.End();

        await AwaitAssertAsync(async () =>
        {
            var status = await StatusAsync(link);
            Assert.Null(status.Controller);
            Assert.True(status.InForce);
            Assert.Contains(status.Health, line => line.Contains("another machine has this node's identity"));
        });
        // A stream that is merely lost is opened again a quarter of a second later at most: by now it would be there.
        await Task.Delay(TimeSpan.FromMilliseconds(600));
        Assert.Single(_transport.Attempts);
    }

    [Fact]
    public async Task It_attaches_again_with_what_it_has()
    {
        var (_, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));

        stream.Break();

        var again = await _transport.NextAsync();
        Assert.Equal(10, again.Attach.Revision);
        Assert.Equal(MapChange.Hash(_network.Body(SigningNetwork.Peer(20))), again.Attach.BodyHash);
    }

    [Fact]
    public async Task It_takes_any_controller_that_answers()
    {
        _transport.Answer = address => address == "c:3" ? null : new IOException("connection refused");
        Start("a:1", "b:2", "c:3");

        Assert.Equal("c:3", (await _transport.NextAsync()).Address);
        Assert.Equal(["a:1", "b:2", "c:3"], _transport.Attempts);
    }

    [Fact]
    public async Task Of_every_controller_that_is_not_reached_it_says_why()
    {
        _transport.Answer = address => new IOException(address == "b:2" ? "DelegationWithdrawn" : "connection refused");
        var link = Start("a:1", "b:2", "c:3");
        await AwaitConditionAsync(() =>
        {
            lock (_transport.Attempts)
                return _transport.Attempts.Count >= 4;
        });
        Assert.Contains((await StatusAsync(link)).Health, line => line.Contains("(a:1: connection refused; b:2: DelegationWithdrawn; c:3: connection refused)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_leaves_a_controller_that_is_lost_for_another_and_stays_there()
    {
        Start("a:1", "b:2", "c:3");
        var first = await _transport.NextAsync();
        first.Send(new DownFrame(Map: _network.Frame(_network.Full(), 10)));
        await first.NextAsync();
        first.Break();
        var second = await _transport.NextAsync();
        Assert.NotEqual(first.Address, second.Address);
        // The first one's return is no reason to move.
        second.Send(new DownFrame(Map: _network.Frame(_network.Full(SigningNetwork.Peer(20)), 11)));
        Assert.Equal(11, (await second.NextAsync()).Ack!.Revision);
        Assert.Equal(["a:1", "b:2"], _transport.Attempts);
    }

    [Fact]
    public void Nodes_spread_over_the_controllers_each_in_an_order_that_stays()
    {
        ControllerEntry[] controllers = [.. Enumerable.Range(1, 3).Select(i => new ControllerEntry(new ControllerId(SigningNetwork.Id((byte)i)), [$"a{i}:1", $"b{i}:1"]))];
        var orders = Enumerable.Range(1, 255).Select(i => ControllerOrder.Addresses(SigningNetwork.Id((byte)i), controllers)).ToArray();
        Assert.All(orders, order => Assert.Equal(6, order.Distinct().Count()));
        // Every controller once before any of them twice.
        Assert.All(orders, order => Assert.All(order.Take(3), address => Assert.StartsWith("a", address)));
        Assert.All(orders.GroupBy(order => order[0]), group => Assert.InRange(group.Count(), 55, 115));
        Assert.Equal(orders[7], ControllerOrder.Addresses(SigningNetwork.Id(8), controllers.Reverse()));
    }

    [Theory]
    [InlineData(RefusalCodes.CertificateUnknown)]
    [InlineData(RefusalCodes.CertificateExpired)]
    public async Task A_node_whose_certificate_is_not_taken_gets_another_and_attaches_to_whoever_gave_it(string code)
    {
        _transport.Answer = address => address == "b:2" && _transport.Renewals > 0
            ? null
            : address == "a:1" ? new IOException("connection refused") : new ControlRefusedException(code, "ask for a new one");
        var link = Start("a:1", "b:2");
        var stream = await _transport.NextAsync();
        Assert.Equal("b:2", stream.Address);
        // Once it has acknowledged, the node knows that it is attached.
        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(), 10)));
        await stream.NextAsync();
        Assert.Equal(["a:1", "b:2", "b:2"], _transport.Attempts);
        Assert.Equal(1, _transport.Renewals);
        Assert.Equal("b:2", (await StatusAsync(link)).Controller);
    }

    [Fact]
    public async Task A_controller_that_takes_no_certificate_at_all_is_left_and_said_so()
    {
        _transport.Answer = address => address == "b:2" ? null : new ControlRefusedException(RefusalCodes.CertificateUnknown, "ask for a new one");
        Start("a:1", "b:2");
        Assert.Equal("b:2", (await _transport.NextAsync()).Address);
        Assert.Equal(["a:1", "a:1", "b:2"], _transport.Attempts);
    }

    [Fact]
    public async Task It_says_where_it_is_in_its_own_name_and_again_when_that_changes()
    {
        var (_, stream) = await StartWithMapAsync();
        var first = Read((await stream.NextAsync(hints: true)).Hint!);
        Assert.Equal(["192.0.2.7:51820"], first.Endpoints);
        Assert.Equal(_start + TimeSpan.FromSeconds(120), first.Expires);

        _node.Move("198.51.100.9:51820");

        var second = Read((await stream.NextAsync(hints: true)).Hint!);
        Assert.Equal(["198.51.100.9:51820"], second.Endpoints);
        Assert.True(second.Issued > first.Issued);
    }

    EndpointHint Read(DsseEnvelope envelope)
    {
        Assert.True(envelope.Verify(PayloadTypes.EndpointHint, Ed25519.ComputePublicKey(_identity)));
        Assert.True(ProtocolJson.TryDecode(envelope.Payload, ProtocolJson.Default.EndpointHint, out var hint));
        return hint;
    }

    [Fact]
    public async Task It_believes_where_a_peer_is_only_from_the_peer_newest_first_and_in_time()
    {
        var (_, stream) = await StartWithMapAsync(SigningNetwork.Peer(20));
        using var peer = SigningNetwork.PeerKey(20);
        using var thief = SigningNetwork.PeerKey(21);
        stream.Send(new DownFrame(Hint: _network.Endpoints(20, _start, peer, "192.0.2.20:51820", "not an endpoint", "224.0.0.1:5", "0.0.0.0:9")));
        stream.Send(new DownFrame(Hint: _network.Endpoints(20, _start + TimeSpan.FromSeconds(1), thief, "203.0.113.1:1")));
        stream.Send(new DownFrame(Hint: _network.Endpoints(20, _start - TimeSpan.FromSeconds(1), peer, "203.0.113.2:1")));
        stream.Send(new DownFrame(Hint: _network.Endpoints(20, _start - TimeSpan.FromSeconds(121), peer, "203.0.113.3:1")));
        stream.Send(new DownFrame(Hint: _network.Endpoints(20, _start + TimeSpan.FromSeconds(91), peer, "203.0.113.4:1")));
        stream.Send(new DownFrame(Ping: 1));

        await stream.NextAsync();

        Assert.Equal([IPEndPoint.Parse("192.0.2.20:51820")], _node.Candidates[SigningNetwork.PeerId(20)]);
        Assert.Equal("192.0.2.20:51820", _node.Endpoints[SigningNetwork.PeerId(20)][0]);
    }

    [Fact]
    public async Task Several_hints_may_come_in_one_line_and_each_is_judged_by_itself()
    {
        var (_, stream) = await StartWithMapAsync(SigningNetwork.Peer(20), SigningNetwork.Peer(21));
        using var peer = SigningNetwork.PeerKey(20);
        using var other = SigningNetwork.PeerKey(21);
        stream.Send(new DownFrame(Hints:
        [
            _network.Endpoints(20, _start, other, "203.0.113.1:1"), null!, _network.Endpoints(21, _start, other, "192.0.2.21:51820"),
            _network.Endpoints(20, _start, peer, "192.0.2.20:51820"),
        ]));
        stream.Send(new DownFrame(Ping: 1));

        await stream.NextAsync();

        Assert.Equal([IPEndPoint.Parse("192.0.2.20:51820")], _node.Candidates[SigningNetwork.PeerId(20)]);
        Assert.Equal([IPEndPoint.Parse("192.0.2.21:51820")], _node.Candidates[SigningNetwork.PeerId(21)]);
    }

    [Fact]
    public async Task A_hint_may_come_before_the_map_that_introduces_its_node()
    {
        var (_, stream) = await StartWithMapAsync();
        using var peer = SigningNetwork.PeerKey(20);
        stream.Send(new DownFrame(Hint: _network.Endpoints(20, _start, peer, "192.0.2.20:51820")));

        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(SigningNetwork.Peer(20)), 11)));

        await stream.NextAsync();
        Assert.Equal([IPEndPoint.Parse("192.0.2.20:51820")], _node.Candidates[SigningNetwork.PeerId(20)]);
    }

    [Fact]
    public async Task Presence_counts_only_when_a_controller_signed_it()
    {
        var (link, stream) = await StartWithMapAsync(SigningNetwork.Peer(20), SigningNetwork.Peer(21));
        using var thief = SigningNetwork.PeerKey(21);
        stream.Send(new DownFrame(Hint: _network.Presence(20, online: false)));
        stream.Send(new DownFrame(Hint: _network.Presence(21, online: false, by: thief)));
        stream.Send(new DownFrame(Ping: 1));
        await stream.NextAsync();

        var presence = (await StatusAsync(link)).Presence;

        Assert.False(Assert.Single(presence).Value.Online);
        Assert.Contains(SigningNetwork.PeerId(20), presence.Keys);
    }

    [Fact]
    public async Task A_full_disk_is_said_and_what_is_in_force_stays()
    {
        var (link, stream) = await StartWithMapAsync();
        _node.DiskFails = new IOException("no space left");

        stream.Send(new DownFrame(Map: _network.Frame(_network.Full(SigningNetwork.Peer(20)), 11)));

        Assert.Equal(11, (await stream.NextAsync()).Ack!.Revision);
        Assert.Contains((await StatusAsync(link)).Health, line => line.Contains("no space left"));
    }

    [Fact]
    public async Task The_certificate_is_renewed_from_half_of_its_life_on()
    {
        _transport.Certificate = new CertificateLife(_start - TimeSpan.FromHours(10), _start + TimeSpan.FromHours(9));
        Start();
        await _transport.NextAsync();

        await AwaitConditionAsync(() => Volatile.Read(ref _transport.Renewals) == 1);
    }

    [Fact]
    public void Pauses_begin_anywhere_in_half_a_second_then_double_up_to_four_seconds_less_jitter()
    {
        var backoff = new RetryDelay(new Random(7));
        TimeSpan[] pauses = [.. Enumerable.Range(0, 8).Select(_ => backoff.Next())];
        double[] longest = [0.5, 1, 2, 4, 4, 4, 4];

        Assert.InRange(pauses[0].TotalSeconds, 0, 0.5);
        Assert.All(pauses.Skip(1).Zip(longest), pair => Assert.InRange(pair.First.TotalSeconds, pair.Second / 2, pair.Second));
        var firsts = Enumerable.Range(0, 1000).Select(_ =>
        {
            backoff.Reset();
            return backoff.Next().TotalSeconds;
        }).ToArray();
        Assert.All(firsts, first => Assert.InRange(first, 0, 0.5));
        // A thousand nodes that lose a controller together come evenly over that time.
        Assert.All(Enumerable.Range(0, 5), part => Assert.InRange(firsts.Count(first => first >= part * 0.1 && first < (part + 1) * 0.1), 150, 250));
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _network.Dispose();
        _identity.Dispose();
    }
}

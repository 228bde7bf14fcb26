using System.Text;
using System.Text.Json;
using Mesh.Actors.Cluster;
using Mesh.Actors.Registry;
using Mesh.Actors.Sessions;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

/// <summary>Nodes that are attached to two controllers of one journal, and a link between these that the test can cut.</summary>
public sealed class ElsewhereTests : IAsyncLifetime
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    readonly MemoryLastSeen _table = new();
    ControllerHarness _harness = null!;
    ActorSystem _secondActors = null!;
    ControllerSystem _second = null!;
    TestSigner _secondSigner = null!;
    TestLink? _link;

    ControllerSystem First => _harness.Controller;

    public async Task InitializeAsync()
    {
        var options = new ControllerOptions { CommandTimeout = TimeSpan.FromSeconds(5), MoveGrace = TimeSpan.FromMilliseconds(200) };
        _harness = new ControllerHarness { Options = options };
        _harness.LastSeen = _table.Of(_harness.Signer.Controller);
        await _harness.StartFirstAsync();
        await _harness.AllowAsync(("*", "*"));
        _secondSigner = new TestSigner(_harness.Network, _harness.Root, _harness.Clock.Now, _harness.Entropy);
        Assert.True((await First.DelegateAsync(
            _secondSigner.Controller, _secondSigner.Delegation, _secondSigner.Authority, ["second.test:8443"], _harness.By("system"))).IsDone);
        _secondActors = ActorSystem.Create(
            $"second{Guid.NewGuid():N}",
            ConfigurationFactory.ParseString("akka { stdout-loglevel = OFF, loglevel = ERROR, log-dead-letters = off }\n" + _harness.Store.Hocon));
        _second = await ControllerSystem.StartAsync(
            _secondActors, _harness.Store, _secondSigner, _harness.Clock, _harness.Entropy, new PresenceTable(), options,
            lastSeen: _table.Of(_secondSigner.Controller));
    }

    public async Task DisposeAsync()
    {
        await _second.DisposeAsync();
        await _secondActors.Terminate();
        await _harness.DisposeAsync();
    }

    [Fact]
    public async Task Peers_at_another_controller_are_online_with_their_endpoints_and_both_lists_say_so()
    {
        var (a, b) = (await JoinAsync("a", First), await JoinAsync("b", _second));
        await a.AttachAsync();
        await b.AttachAsync();
        b.Handle.Post(new UpFrame(Hint: b.Hint("192.0.2.7:51820")));
        Link();
        Assert.True((await PresenceAsync(a, b.Id, _harness.Signer)).Online);
        Assert.True((await PresenceAsync(b, a.Id, _secondSigner)).Online);
        await Until(() => First.Queries.Presence(b.Id).Online && _second.Queries.Presence(a.Id).Online);
        Assert.Equal("1.1", First.Queries.Presence(b.Id).Version);
        Assert.Equal(1, First.Attached);
        Assert.Contains("192.0.2.7:51820", await EndpointsAsync(a, b.Id));

        // By change from here on: what b says at the second reaches a at the first.
        _harness.Clock.Advance(TimeSpan.FromSeconds(1));
        b.Handle.Post(new UpFrame(Hint: b.Hint("192.0.2.8:51820")));
        Assert.Contains("192.0.2.8:51820", await EndpointsAsync(a, b.Id));
        var c = await JoinAsync("c", _second);
        await c.AttachAsync();
        Assert.True((await PresenceAsync(a, c.Id, _harness.Signer)).Online);
        c.Handle.Closed();
        Assert.False((await PresenceAsync(a, c.Id, _harness.Signer, online: false)).Online);
        await Until(() => !First.Queries.Presence(c.Id).Online && !_second.Queries.Presence(c.Id).Online);
        Assert.True(First.Queries.Presence(b.Id).Online);
    }

    [Fact]
    public async Task Whoever_only_moves_is_never_offline_to_anybody()
    {
        var (watcher, mover, leaver) = (await JoinAsync("w", First), await JoinAsync("m", First), await JoinAsync("l", First));
        var far = await JoinAsync("f", _second);
        foreach (var node in (TestNode[])[watcher, mover, leaver, far])
            await node.AttachAsync();
        Link();
        await Until(() => _second.Queries.Presence(mover.Id).Online);

        // The old stream ends first; and the other way round, where the first controller learns late that the stream is gone.
        mover.Handle.Closed();
        var there = mover.Again(at: _second);
        await there.AttachAsync();
        await Until(() => First.Attached == 2);
        var back = there.Again(at: First);
        await back.AttachAsync();
        there.Handle.Closed();

        // Who leaves after them is offline to both; by then the time of those who moved is long over.
        leaver.Handle.Closed();
        Assert.False((await PresenceAsync(watcher, leaver.Id, _harness.Signer, online: false)).Online);
        Assert.False((await PresenceAsync(far, leaver.Id, _secondSigner, online: false)).Online);
        Assert.True(First.Queries.Presence(mover.Id).Online);
        Assert.True(_second.Queries.Presence(mover.Id).Online);
        foreach (var seer in (TestNode[])[watcher, far])
            Assert.DoesNotContain(seer.Seen, frame => Presence(frame) is { Online: false } hint && hint.Node == mover.Id);
    }

    [Fact]
    public async Task A_controller_that_dies_takes_with_it_only_the_nodes_that_do_not_come_back_in_time()
    {
        var watcher = await JoinAsync("w", First);
        var (mover, lost) = (await JoinAsync("m", _second), await JoinAsync("l", _second));
        foreach (var node in (TestNode[])[watcher, mover, lost])
            await node.AttachAsync();
        See(MemberState.Alive);
        Link();
        await Until(() => First.Queries.Presence(mover.Id).Online && First.Queries.Presence(lost.Id).Online);

        // Only the link: the board says that it lives, so its nodes do.
        _link!.Cut();
        var again = watcher.Again();
        await again.AttachAsync();
        Assert.True((await PresenceAsync(again, lost.Id, _harness.Signer)).Online);
        Assert.True(First.Queries.Presence(lost.Id).Online);

        See(MemberState.Late);
        var moved = mover.Again(at: First);
        await moved.AttachAsync();
        Assert.False((await PresenceAsync(again, lost.Id, _harness.Signer, online: false)).Online);
        await Until(() => !First.Queries.Presence(lost.Id).Online);
        Assert.True(First.Queries.Presence(mover.Id).Online);
        Assert.DoesNotContain(again.Seen, frame => Presence(frame) is { Online: false } hint && hint.Node == mover.Id);
    }

    [Fact]
    public async Task A_cut_counts_the_acknowledgements_of_peers_at_every_controller()
    {
        var (a, b, c) = (await JoinAsync("a", First), await JoinAsync("b", _second), await JoinAsync("c", _second));
        var silent = await JoinAsync("s", _second, acknowledges: false);
        var bad = await JoinAsync("bad", _second);
        foreach (var node in (TestNode[])[a, b, c, silent, bad])
            await node.AttachAsync();
        Link();
        await Until(() => new[] { b, c, silent }.All(node => First.Queries.Presence(node.Id).Online));
        foreach (var node in (TestNode[])[a, b, c, silent])
            _ = FollowAsync(node);

        var outcome = await First.RevokeNodeAsync(bad.Id, TimeSpan.FromSeconds(1), _harness.By("admin:root"));
        Assert.True(outcome.IsDone, outcome.Refusal?.Message);
        var progress = outcome.Value;
        Assert.Equal(4, progress.Peers);
        Assert.Equal(["a", "b", "c"], progress.Acknowledged);
        var missing = Assert.Single(progress.NotReached);
        Assert.Equal(("s", true), (missing.Name, missing.Attached));
        // What the other controller has signed for it is not known here: nothing lasts longer than this.
        Assert.True(missing.ValidUntil >= _harness.Clock.Now + TimeSpan.FromDays(7) - TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Without_the_link_everything_but_the_news_goes_on_and_a_new_link_settles_what_was_missed()
    {
        var (a, b, c) = (await JoinAsync("a", First), await JoinAsync("b", _second), await JoinAsync("c", _second));
        foreach (var node in (TestNode[])[a, b, c])
            await node.AttachAsync();
        See(MemberState.Alive);
        Link();
        await Until(() => First.Queries.Presence(b.Id).Online && First.Queries.Presence(c.Id).Online);
        _link!.Cut();

        var late = await JoinAsync("late", _second);
        await late.AttachAsync();
        b.Handle.Closed();
        // The journal carries the change to everybody.
        await _harness.AllowAsync(("node:a", "node:c"));
        await c.NextMapAsync();
        while (!a.Peers.SequenceEqual(["c"]))
            await a.NextMapAsync();
        Assert.False(First.Queries.Presence(late.Id).Online);

        Link();
        await Until(() => First.Queries.Presence(late.Id).Online && !First.Queries.Presence(b.Id).Online);
        Assert.True(First.Queries.Presence(c.Id).Online);
    }

    [Fact]
    public async Task Without_the_link_where_nodes_are_is_heard_through_the_store_and_a_move_is_still_no_end()
    {
        var (watcher, mover) = (await JoinAsync("w", First), await JoinAsync("m", First));
        var late = await JoinAsync("late", _second);
        await watcher.AttachAsync();
        await mover.AttachAsync();
        await late.AttachAsync();
        // As heartbeats do, on both sides.
        await Until(() =>
        {
            SeeEachOther();
            return First.Queries.Presence(late.Id).Online && _second.Queries.Presence(mover.Id).Online;
        });
        Assert.True((await PresenceAsync(watcher, late.Id, _harness.Signer)).Online);

        mover.Handle.Closed();
        var there = mover.Again(at: _second);
        await there.AttachAsync();
        late.Handle.Closed();
        await Until(() =>
        {
            SeeEachOther();
            return !First.Queries.Presence(late.Id).Online;
        });
        Assert.False((await PresenceAsync(watcher, late.Id, _harness.Signer, online: false)).Online);
        Assert.True(First.Queries.Presence(mover.Id).Online);
        Assert.DoesNotContain(watcher.Seen, frame => Presence(frame) is { Online: false } hint && hint.Node == mover.Id);
    }

    [Fact]
    public async Task When_nodes_were_last_seen_survives_a_restart()
    {
        var (a, b) = (await JoinAsync("a", First), await JoinAsync("b", First));
        await a.AttachAsync();
        _harness.Clock.Advance(TimeSpan.FromMinutes(5));
        await b.AttachAsync();
        await Until(() => First.Queries.Presence(b.Id).Revision > 0);
        var (seenA, seenB) = (First.Queries.Presence(a.Id), First.Queries.Presence(b.Id));
        await First.DisposeAsync();
        await _harness.CrashAsync();
        _harness.Clock.Advance(TimeSpan.FromHours(1));
        await _harness.StartAgainAsync();
        foreach (var (node, before) in new[] { (a, seenA), (b, seenB) })
        {
            var after = First.Queries.Presence(node.Id);
            Assert.Equal((before.LastSeen, before.Version, before.Os, before.Revision), (after.LastSeen, after.Version, after.Os, after.Revision));
            Assert.False(after.Online);
        }
    }

    [Fact]
    public async Task A_controller_that_does_not_read_is_let_go_and_one_that_is_withdrawn_too()
    {
        var a = await JoinAsync("a", First);
        await a.AttachAsync();
        Link();
        await Until(() => _second.Queries.Presence(a.Id).Online);
        _link!.Reads = false;
        var b = await JoinAsync("b", First);
        await b.AttachAsync();
        Assert.Equal("overrun", await _link.Closed.WaitAsync(Patience));
        _link.Cut();

        Link();
        await Until(() => _second.Queries.Presence(b.Id).Online);
        See(MemberState.Withdrawn);
        Assert.Equal("withdrawn", await _link.Closed.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_start_waits_for_what_the_others_have_and_not_for_ever()
    {
        See(MemberState.Alive);
        var waiting = First.WaitForLinksAsync(Patience);
        Assert.False(waiting.IsCompleted);
        Link();
        await waiting.WaitAsync(Patience);
        _link!.Cut();
        await First.WaitForLinksAsync(TimeSpan.FromMilliseconds(50)).WaitAsync(Patience);
    }

    async Task<TestNode> JoinAsync(string name, ControllerSystem at, bool acknowledges = true)
    {
        var (machine, enrolled) = await _harness.JoinAsync(name);
        // Each controller follows the journal by itself.
        await Until(() => at.Queries.Node(enrolled.Node.Id) is not null);
        return new TestNode(_harness, machine, enrolled) { At = at, Acknowledges = acknowledges };
    }

    void Link() => _link = TestLink.Between(First, _harness.Signer.Controller, _second, _secondSigner.Controller);

    // What the first controller's board says of the second.
    void See(MemberState state) => First.Take(Board(_secondSigner.Controller, state));

    void SeeEachOther()
    {
        See(MemberState.Alive);
        _second.Take(Board(_harness.Signer.Controller, MemberState.Alive));
    }

    ClusterView Board(ControllerId other, MemberState state)
    {
        var row = new MemberRow(other, 1, "1.0", ["b:1"], "b:1", MemberPhase.Serving, _harness.Clock.Now, _harness.Clock.Now, 1, 0, TimeSpan.Zero);
        return new ClusterView(_harness.Clock.Now, [new MemberView(other, state, row, TimeSpan.Zero, 0)], []);
    }

    // Takes every map in and acknowledges it, as a node does.
    static async Task FollowAsync(TestNode node)
    {
        try
        {
            while (true)
                await node.NextMapAsync();
        }
        catch (OperationCanceledException)
        {
            // Nothing more comes.
        }
    }

    static async Task<PresenceHint> PresenceAsync(TestNode seer, NodeId of, TestSigner signer, bool? online = null)
    {
        var frame = await seer.NextAsync(frame => Presence(frame) is { } hint && hint.Node == of && (online is null || hint.Online == online));
        var delegated = ProtocolJson.TryDecode(signer.Delegation.Payload, ProtocolJson.Default.Delegation, out var delegation) ? delegation : null;
        Assert.True(frame.Hint!.Verify(PayloadTypes.PresenceHint, delegated!.SigningKey));
        return Presence(frame)!;
    }

    static async Task<string> EndpointsAsync(TestNode seer, NodeId of)
    {
        EndpointHint? found = null;
        await seer.NextAsync(frame => frame.Hint?.PayloadType == PayloadTypes.EndpointHint
            && ProtocolJson.TryDecode(frame.Hint.Payload, ProtocolJson.Default.EndpointHint, out found) && found.Node == of);
        return string.Join(' ', found!.Endpoints);
    }

    static PresenceHint? Presence(DownFrame frame) =>
        frame.Hint?.PayloadType == PayloadTypes.PresenceHint && ProtocolJson.TryDecode(frame.Hint.Payload, ProtocolJson.Default.PresenceHint, out var hint)
            ? hint
            : null;

    static async Task Until(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!condition())
            await Task.Delay(5, patience.Token);
    }

    /// <summary>Is one end of a link; what is sent goes through its wire format into the other controller.</summary>
    sealed class TestLink : IMemberLink
    {
        readonly TaskCompletionSource<string> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TestLink _other = null!;
        MemberLinkHandle _handle = null!;
        volatile bool _isCut;

        public bool Reads { get; set; } = true;

        public Task<string> Closed => _closed.Task;

        public static TestLink Between(ControllerSystem first, ControllerId firstId, ControllerSystem second, ControllerId secondId)
        {
            var (one, other) = (new TestLink(), new TestLink());
            (one._other, other._other) = (other, one);
            // What is sent before the other end is there waits for it, as on a wire.
            lock (one)
            {
                lock (other)
                {
                    one._handle = first.OpenLink(secondId, one);
                    other._handle = second.OpenLink(firstId, other);
                }
            }
            return one;
        }

        public bool TrySend(MemberFrame frame)
        {
            if (_isCut || !Reads)
                return false;
            var line = JsonSerializer.SerializeToUtf8Bytes(frame, ClusterJson.Default.MemberFrame);
            Assert.InRange(line.Length, 1, MemberFrame.MaximumLine);
            Assert.DoesNotContain("\n", Encoding.UTF8.GetString(line), StringComparison.Ordinal);
            lock (_other)
                return _other._handle.Post(JsonSerializer.Deserialize(line, ClusterJson.Default.MemberFrame)!);
        }

        public void Close(string reason)
        {
            _closed.TrySetResult(reason);
            Cut();
        }

        public void Cut()
        {
            foreach (var end in (TestLink[])[this, _other])
            {
                end._isCut = true;
                end._handle.Closed();
            }
        }
    }
}

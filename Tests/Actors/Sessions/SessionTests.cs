using Mesh.Actors.Registry;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

public sealed class SessionTests
{
    [Fact]
    public async Task Settles_at_an_attach_what_the_node_has()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        Assert.NotNull((await node.AttachAsync()).Renewal);

        var blank = node.Again();
        Assert.NotNull((await blank.AttachAsync(withBody: false)).Full);
        Assert.Equal("replaced", await node.Closed);

        // Away while a peer joins: a delta leads from what it had to what is.
        blank.Handle.Closed();
        await OfflineAsync(harness, blank);
        await harness.AllowAsync(("*", "*"));
        await JoinAsync(harness, "b");
        var back = blank.Again();
        Assert.NotNull((await back.AttachAsync()).Delta);
        Assert.Equal(["b"], back.Peers);

        // After a restart nobody remembers what it had.
        await harness.AllowAsync(("node:a", "node:b"));
        await harness.CrashAsync();
        await harness.StartAgainAsync();
        var again = blank.Again();
        Assert.NotNull((await again.AttachAsync()).Full);
        Assert.Equal(harness.Controller.Queries.View.Revision, again.Trust.Revision);
    }

    [Fact]
    public async Task Sends_a_commit_to_those_it_concerns_with_one_signature_and_nothing_to_others()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (a, b, c) = (await JoinAsync(harness, "a"), await JoinAsync(harness, "b"), await JoinAsync(harness, "c"));
        foreach (var node in (TestNode[])[a, b, c])
            await node.AttachAsync();
        var before = harness.Signer.Signatures;
        await harness.AllowAsync(("node:a", "node:b"));
        Assert.NotNull((await a.NextMapAsync()).Delta);
        Assert.NotNull((await b.NextMapAsync()).Delta);
        Assert.Equal(before + 1, harness.Signer.Signatures);
        Assert.Equal(["b"], a.Peers);
        Assert.Equal(["a"], b.Peers);
        Assert.NotEmpty(a.Trust.Body!.Peers[0].Send);
        Assert.Empty(a.Trust.Body.Peers[0].Accept);
        Assert.Equal(a.Trust.Revision, b.Trust.Revision);
        await harness.AllowAsync(("node:a", "node:b"), ("node:c", "node:b"));
        await c.NextMapAsync();
        Assert.Equal(harness.Controller.Queries.View.Revision, c.Trust.Revision);
        Assert.Equal(2, c.Seen.Count(frame => frame.Map is not null));
    }

    [Fact]
    public async Task Tells_a_pair_in_its_maps_what_both_announced()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (a, b, c) = (await JoinAsync(harness, "a"), await JoinAsync(harness, "b"), await JoinAsync(harness, "c"));
        a.Suites = ["made-up", "aes-256-gcm"];
        b.Suites = ["aes-256-gcm"];
        await c.AttachAsync();
        await a.AttachAsync();
        await b.AttachAsync();
        Assert.NotNull((await a.NextMapAsync()).Delta);
        Assert.NotNull((await b.NextMapAsync()).Delta);
        Assert.Equal(["aes-256-gcm"], a.Trust.Body!.Peers.Single(peer => peer.Name == "b").Suites);
        Assert.Equal(["aes-256-gcm"], b.Trust.Body!.Peers.Single(peer => peer.Name == "a").Suites);
        Assert.Null(a.Trust.Body.Peers.Single(peer => peer.Name == "c").Suites);
        Assert.Equal(["aes-256-gcm"], harness.Controller.Queries.View.Nodes[a.Id].Suites);

        // The same again is no event; less is one, and a change of the peers' maps.
        var revision = harness.Controller.Queries.View.Revision;
        var same = a.Again();
        same.Suites = ["aes-256-gcm"];
        Assert.NotNull((await same.AttachAsync()).Renewal);
        Assert.Equal(revision, harness.Controller.Queries.View.Revision);
        var less = b.Again();
        less.Suites = [];
        await less.AttachAsync();
        Assert.NotNull((await less.NextMapAsync()).Delta);
        Assert.NotNull((await same.NextMapAsync()).Delta);
        Assert.Null(same.Trust.Body!.Peers.Single(peer => peer.Name == "b").Suites);
        Assert.Equal(revision + 1, harness.Controller.Queries.View.Revision);
    }

    [Fact]
    public async Task Takes_a_revoked_node_out_and_counts_who_acknowledged()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (bad, good, slow, away) = (await JoinAsync(harness, "bad"), await JoinAsync(harness, "good"), await JoinAsync(harness, "slow"), await JoinAsync(harness, "away"));
        slow = slow.Again(acknowledges: false);
        foreach (var node in (TestNode[])[bad, good, slow])
            await node.AttachAsync();
        slow.Acknowledge();

        var revoking = harness.Controller.RevokeNodeAsync(bad.Id, TimeSpan.FromSeconds(30), harness.By("admin:root"));
        Assert.Equal("revoked", (await bad.NextMapAsync()).Removal!.Reason);
        Assert.Equal("revoked", bad.Trust.Removed);
        Assert.Equal("revoked", await bad.Closed);
        await good.NextMapAsync();
        await slow.NextMapAsync();
        Assert.DoesNotContain("bad", good.Peers);
        Assert.False(revoking.IsCompleted);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(300));
        slow.Acknowledge();
        var progress = (await revoking).Value!;
        Assert.Equal(3, progress.Peers);
        Assert.Equal(["good", "slow"], progress.Acknowledged);
        Assert.Equal(TimeSpan.FromMilliseconds(300), progress.Elapsed);
        var unreached = Assert.Single(progress.NotReached);
        Assert.Equal(("away", false), (unreached.Name, unreached.Attached));
        Assert.Equal(away.Trust.ValidUntil, unreached.ValidUntil);

        // The revoked node's stream is refused from there on; the one that was away learns of it at once.
        var barred = bad.Again();
        barred.Open();
        barred.Attach();
        Assert.NotNull((await barred.NextMapAsync()).Removal);
        Assert.Equal("revoked", await barred.Closed);
        await away.AttachAsync();
        Assert.DoesNotContain("bad", away.Peers);
    }

    [Fact]
    public async Task Names_an_attached_peer_that_does_not_acknowledge_in_time()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (bad, mute) = (await JoinAsync(harness, "bad"), await JoinAsync(harness, "mute"));
        await mute.Again(acknowledges: false).AttachAsync();
        var progress = (await harness.Controller.RevokeNodeAsync(bad.Id, TimeSpan.FromMilliseconds(100), harness.By("admin:root"))).Value!;
        Assert.Empty(progress.Acknowledged);
        Assert.True(Assert.Single(progress.NotReached).Attached);
    }

    [Fact]
    public async Task Does_not_wait_for_a_peer_that_goes_away()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (bad, mute) = (await JoinAsync(harness, "bad"), (await JoinAsync(harness, "mute")).Again(acknowledges: false));
        await mute.AttachAsync();
        var revoking = harness.Controller.RevokeNodeAsync(bad.Id, TimeSpan.FromSeconds(60), harness.By("admin:root"));
        await mute.NextMapAsync();
        mute.Handle.Closed();
        Assert.False(Assert.Single((await revoking.WaitAsync(TimeSpan.FromSeconds(5))).Value!.NotReached).Attached);
    }

    [Fact]
    public async Task Carries_hints_to_peers_only_and_to_those_that_come_later()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("node:a", "node:b"), ("node:a", "node:late"));
        var (a, b, stranger, late) = (await JoinAsync(harness, "a"), await JoinAsync(harness, "b"), await JoinAsync(harness, "stranger"), await JoinAsync(harness, "late"));
        foreach (var node in (TestNode[])[a, b, stranger])
            await node.AttachAsync();
        Assert.True((await b.NextPresenceAsync(a.Id)).Online);
        var hint = a.Hint("192.0.2.1:51820", "[2001:db8::1]:51820");
        a.Handle.Post(new UpFrame(Hint: hint));
        var carried = (await b.NextAsync(IsEndpointHint)).Hint!;
        Assert.Equal(hint.Payload, carried.Payload);
        await late.AttachAsync();
        Assert.Equal(hint.Payload, (await late.NextAsync(IsEndpointHint)).Hint!.Payload);

        // Not newer, not its own, not signed: none of them goes on; the next good one does.
        a.Handle.Post(new UpFrame(Hint: hint));
        a.Handle.Post(new UpFrame(Hint: b.Hint("192.0.2.9:1")));
        a.Handle.Post(new UpFrame(Hint: hint with { Signatures = [] }));
        harness.Clock.Advance(TimeSpan.FromSeconds(1));
        var next = a.Hint("192.0.2.2:51820");
        a.Handle.Post(new UpFrame(Hint: next));
        Assert.Equal(next.Payload, (await b.NextAsync(IsEndpointHint)).Hint!.Payload);

        a.Handle.Closed();
        Assert.False((await b.NextPresenceAsync(a.Id)).Online);
        Assert.False(harness.Controller.Queries.Presence(a.Id).Online);
        await harness.AllowAsync(("node:stranger", "node:b"));
        await stranger.NextMapAsync();
        Assert.DoesNotContain(stranger.Seen, frame => frame.Hint is not null);

        static bool IsEndpointHint(DownFrame frame) => frame.Hint?.PayloadType == PayloadTypes.EndpointHint;
    }

    [Fact]
    public async Task Shows_no_node_offline_whose_next_stream_is_open_before_the_end_of_the_last_is_dealt_with()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (a, b) = (await JoinAsync(harness, "a"), await JoinAsync(harness, "b"));
        TestNode[] busy = [await JoinAsync(harness, "busy-1"), await JoinAsync(harness, "busy-2")];
        foreach (var node in (TestNode[])[b, .. busy, a])
            await node.AttachAsync();
        Assert.True((await b.NextPresenceAsync(a.Id)).Online);
        foreach (var node in busy)
            node.Reads = false;
        await harness.AllowAsync(("node:a", "node:b"), ("node:busy-1", "node:b"), ("node:busy-2", "node:b"));

        // The sessions have to do with one node when the stream ends, and with another right after they have ended it: its last word waits
        // before the next stream does.
        var (first, second) = (new Hold(busy[0]), new Hold(busy[1]));
        first.Begin();
        await first.Reached;
        a.Handle.Closed();
        second.Begin();
        first.GoOn();
        await second.Reached;
        await a.Closed;
        await Task.Delay(100);
        var again = a.Again();
        again.Open();
        second.GoOn();
        again.Attach();
        await again.NextMapAsync();
        again.Handle.Post(new UpFrame(Hint: again.Hint("192.0.2.1:51820")));
        await b.NextAsync(frame => frame.Hint?.PayloadType == PayloadTypes.EndpointHint);
        Assert.DoesNotContain(b.Seen, frame => frame.Hint?.PayloadType == PayloadTypes.PresenceHint && Presence(frame) is { Online: false });

        static PresenceHint? Presence(DownFrame frame) =>
            ProtocolJson.TryDecode(frame.Hint!.Payload, ProtocolJson.Default.PresenceHint, out var hint) ? hint : null;
    }

    [Fact]
    public async Task Tells_new_peers_of_each_other()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (a, b) = (await JoinAsync(harness, "a"), await JoinAsync(harness, "b"));
        await a.AttachAsync();
        await b.AttachAsync();
        a.Handle.Post(new UpFrame(Hint: a.Hint("192.0.2.1:51820")));
        await harness.AllowAsync(("node:a", "node:b"));
        await b.NextMapAsync();
        Assert.True((await b.NextPresenceAsync(a.Id)).Online);
        await b.NextAsync(frame => frame.Hint?.PayloadType == PayloadTypes.EndpointHint);
        Assert.True((await a.NextPresenceAsync(b.Id)).Online);
    }

    [Fact]
    public async Task Renews_each_node_an_hour_after_its_last_map_and_those_of_one_moment_with_one_signature()
    {
        // The wall clock ticks fast; the network's stands still until the test moves it.
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { RenewalInterval = TimeSpan.FromMilliseconds(600) });
        var (a, b, later) = (await JoinAsync(harness, "a"), await JoinAsync(harness, "b"), await JoinAsync(harness, "later"));
        await a.AttachAsync();
        await b.AttachAsync();
        harness.Clock.Advance(TimeSpan.FromMilliseconds(300));
        await later.AttachAsync();
        var signatures = harness.Signer.Signatures;
        harness.Clock.Advance(TimeSpan.FromMilliseconds(300));
        var until = harness.Clock.Now + harness.Options.MapValidFor;
        foreach (var node in (TestNode[])[a, b])
        {
            Assert.NotNull((await node.NextMapAsync()).Renewal);
            Assert.Equal(until, node.Trust.ValidUntil);
            Assert.Equal(until, harness.Controller.Queries.Presence(node.Id).ValidUntil);
        }
        Assert.Equal(signatures + 1, harness.Signer.Signatures);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(300));
        Assert.NotNull((await later.NextMapAsync()).Renewal);
        Assert.Equal(signatures + 2, harness.Signer.Signatures);
        Assert.Equal(1, later.Seen.Count(frame => frame.Map is not null) - 1);
    }

    [Fact]
    public async Task Sends_the_whole_map_to_a_node_that_refused_a_part()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        await node.AttachAsync();
        node.Handle.Post(new UpFrame(Refused: "wrong-base"));
        Assert.NotNull((await node.NextMapAsync()).Full);
        node.Handle.Post(new UpFrame(Refused: "wrong-base"));
        node.Handle.Post(new UpFrame(Hint: node.Hint("192.0.2.1:1")));
        harness.Clock.Advance(TimeSpan.FromSeconds(11));
        node.Handle.Post(new UpFrame(Refused: "wrong-base"));
        Assert.NotNull((await node.NextMapAsync()).Full);
    }

    [Fact]
    public async Task Closes_a_stream_that_gives_no_sign_of_life_and_keeps_one_that_does()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { PingInterval = TimeSpan.FromMilliseconds(250) });
        var (silent, alive) = (await JoinAsync(harness, "silent"), await JoinAsync(harness, "alive"));
        await silent.AttachAsync();
        await alive.AttachAsync();
        var last = 0L;
        while (!silent.Closed.IsCompleted)
        {
            last = (await alive.NextAsync(frame => frame.Ping is not null)).Ping!.Value;
            alive.Handle.Post(new UpFrame(Pong: last));
        }
        Assert.Equal("silent", await silent.Closed);
        Assert.Equal(last + 1, (await alive.NextAsync(frame => frame.Ping is not null)).Ping);
        await OfflineAsync(harness, silent);
        Assert.True(harness.Controller.Queries.Presence(alive.Id).Online);
        Assert.Equal("1.1", harness.Controller.Queries.Presence(alive.Id).Version);
    }

    [Fact]
    public async Task Closes_streams_that_do_not_begin_with_an_attach_or_are_nobodys()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var wrong = await JoinAsync(harness, "wrong");
        wrong.Open();
        wrong.Handle.Post(new UpFrame(Pong: 1));
        Assert.Equal("malformed", await wrong.Closed);
        var nobody = wrong.Again();
        harness.Controller.OpenStream(TypedId.Create<NodeId>(harness.Entropy), nobody);
        Assert.Equal("unknown", await nobody.Closed);
    }

    [Fact]
    public async Task Bounds_what_a_node_may_have_waiting()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        await node.AttachAsync();
        // Whoever should deal with them is gone, so nothing is dealt with any more.
        await harness.System.Terminate();
        var posted = 0;
        while (node.Handle.Post(new UpFrame(Pong: 1)))
            Assert.True(++posted <= Mesh.Actors.Sessions.ControlStreamHandle.MaximumWaiting);
    }

    [Fact]
    public async Task Closes_every_stream_when_the_controller_stops()
    {
        var harness = await ControllerHarness.StartAsync();
        var node = await JoinAsync(harness, "a");
        await node.AttachAsync();
        await harness.DisposeAsync();
        Assert.Equal("stopping", await node.Closed);
    }

    static async Task OfflineAsync(ControllerHarness harness, TestNode node)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(5);
        while (harness.Controller.Queries.Presence(node.Id).Online)
        {
            Assert.True(DateTime.UtcNow < deadline, "still online");
            await Task.Delay(5);
        }
    }

    static async Task<TestNode> JoinAsync(ControllerHarness harness, string name)
    {
        var (machine, enrolled) = await harness.JoinAsync(name);
        return new TestNode(harness, machine, enrolled);
    }

    /// <summary>Holds up the sessions in the middle of what they send to one node that was behind and reads again.</summary>
    sealed class Hold(TestNode node)
    {
        readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task.WaitAsync(TimeSpan.FromSeconds(5));

        public void Begin()
        {
            node.OnSend = () =>
            {
                _reached.TrySetResult();
                // A test that has failed lets them go.
                _goOn.Task.Wait(TimeSpan.FromSeconds(10));
            };
            node.Reads = true;
        }

        public void GoOn() => _goOn.TrySetResult();
    }
}

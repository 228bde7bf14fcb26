using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Actors.Registry;

public sealed class ControllerSystemTests
{
    [Fact]
    public async Task Lets_a_machine_in_with_a_map_that_it_can_verify()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (machine, enrolled) = await harness.JoinAsync("Joe's Mac mini");
        Assert.Equal(("joes-mac-mini", "100.64.0.1", "fd12:3456:789a::1"), (enrolled.Node.Name, enrolled.Node.Node.Ipv4, enrolled.Node.Node.Ipv6));
        Assert.Equal("alice", enrolled.Node.Node.Owner);
        var trust = new MapTrust { Network = harness.Network, Node = enrolled.Node.Id, Root = Ed25519.ComputePublicKey(harness.Root) };
        Assert.Equal(TrustRefusal.None, trust.TryAccept(enrolled.Map, harness.Clock.Now, out trust));
        Assert.Equal("joes-mac-mini", trust.Body!.Self.Name);
        Assert.Empty(trust.Body.Peers);
        Assert.Equal(harness.Clock.Now + TimeSpan.FromDays(7), trust.ValidUntil);
        Assert.Equal(machine.Identity, harness.Controller.Queries.Node(enrolled.Node.Id)!.Node.SigningKey);
    }

    [Fact]
    public async Task Of_fifty_machines_with_one_credential_exactly_one_gets_in()
    {
        await using var harness = await ControllerHarness.StartAsync();
        for (var round = 0; round < 5; round++)
        {
            var credential = (await harness.CredentialAsync()).Text;
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ =>
                Task.Run(() => harness.Controller.EnrollAsync(new Machine(harness.Entropy, "laptop").Request(credential, harness.Clock.Now)))));
            Assert.Single(outcomes, outcome => outcome.Result.IsDone);
            Assert.Equal(49, outcomes.Count(outcome => outcome.Result.Refusal?.Code == RefusalCodes.Used));
            Assert.DoesNotContain(outcomes, outcome => outcome.WrongSecret);
        }
        Assert.Equal(5, harness.Store.Rows.Count(row => row.Event is AllocationReserved));
        Assert.Equal(["laptop", "laptop-1", "laptop-2", "laptop-3", "laptop-4"], harness.Controller.Queries.Nodes.Select(node => node.Node.Name));
    }

    [Fact]
    public async Task Gives_the_same_machine_the_same_answer_again_also_after_a_restart()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = (await harness.CredentialAsync()).Text;
        var machine = new Machine(harness.Entropy, "laptop");
        var first = (await harness.Controller.EnrollAsync(machine.Request(credential, harness.Clock.Now))).Result.Value!;
        var second = (await harness.Controller.EnrollAsync(machine.Request(credential, harness.Clock.Now))).Result.Value!;
        await harness.CrashAsync();
        await harness.StartAgainAsync();
        harness.Clock.Advance(TimeSpan.FromDays(1));
        var third = (await harness.Controller.EnrollAsync(machine.Request(credential, harness.Clock.Now))).Result.Value!;
        Assert.Equal((false, true, true), (first.Again, second.Again, third.Again));
        Assert.Equal(first.Node.Id, third.Node.Id);
        Assert.Equal(first.Node.Node.Ipv4, third.Node.Node.Ipv4);
        var other = await harness.Controller.EnrollAsync(new Machine(harness.Entropy, "other").Request(credential, harness.Clock.Now));
        Assert.Equal(RefusalCodes.Used, other.Result.Refusal?.Code);
    }

    [Fact]
    public async Task Says_why_it_refuses_and_which_refusals_count_as_guesses()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var queries = harness.Controller.Queries;
        var machine = new Machine(harness.Entropy, "laptop");
        var (expired, revoked) = (await harness.CredentialAsync(lifetime: TimeSpan.FromMinutes(5)), await harness.CredentialAsync());
        Assert.True((await harness.Controller.RevokeCredentialAsync(revoked.Credential.Id, harness.By("admin:root"))).IsDone);
        harness.Clock.Advance(TimeSpan.FromMinutes(6));

        Assert.Equal((RefusalCodes.Expired, false), await TryAsync(machine.Request(expired.Text, harness.Clock.Now)));
        Assert.Equal((RefusalCodes.Revoked, false), await TryAsync(machine.Request(revoked.Text, harness.Clock.Now)));
        // The refusal is the credential's own; what lists it follows the journal.
        await Until(() => queries.View.Credentials[expired.Credential.Id].Status == CredentialStatus.Expired);

        var live = (await harness.CredentialAsync()).Text;
        var wrong = CredentialString.Create(live.Id, new byte[32], live.RootHash, live.Controllers);
        var unknown = CredentialString.Create(TypedId.Create<CredentialId>(harness.Entropy), new byte[32], live.RootHash, live.Controllers);
        Assert.Equal((RefusalCodes.Unknown, true), await TryAsync(machine.Request(wrong, harness.Clock.Now)));
        Assert.Equal((RefusalCodes.Unknown, true), await TryAsync(machine.Request(unknown, harness.Clock.Now)));
        Assert.Equal((RefusalCodes.ClockSkew, false), await TryAsync(machine.Request(live, harness.Clock.Now + TimeSpan.FromSeconds(91))));
        Assert.Equal((RefusalCodes.ClockSkew, false), await TryAsync(machine.Request(live, harness.Clock.Now - TimeSpan.FromSeconds(91))));
        var forged = machine.Request(live, harness.Clock.Now) with { TunnelKey = new Machine(harness.Entropy, "x").TunnelKey };
        Assert.Equal((RefusalCodes.Malformed, false), await TryAsync(forged));
        Assert.Equal((null, false), await TryAsync(machine.Request(live, harness.Clock.Now + TimeSpan.FromSeconds(89))));

        async Task<(string?, bool)> TryAsync(EnrollRequest request)
        {
            var outcome = await harness.Controller.EnrollAsync(request);
            return (outcome.Result.Refusal?.Code, outcome.WrongSecret);
        }
    }

    [Fact]
    public async Task Writes_down_by_itself_that_a_credential_has_expired()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { ExpirySweepInterval = TimeSpan.FromMilliseconds(20) });
        var credential = await harness.CredentialAsync(lifetime: TimeSpan.FromMinutes(5));
        harness.Clock.Advance(TimeSpan.FromMinutes(6));
        await Until(() => harness.Controller.Queries.Credentials.Single(one => one.Id == credential.Credential.Id).Status == CredentialStatus.Expired);
        Assert.Equal("system", harness.Store.Rows.Select(row => row.Event).OfType<CredentialExpired>().Single().By);
    }

    [Fact]
    public async Task Shows_all_that_happened_with_who_and_never_a_secret()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = await harness.CredentialAsync();
        await harness.Controller.EnrollAsync(new Machine(harness.Entropy, "laptop").Request(credential.Text, harness.Clock.Now));
        var all = new List<Mesh.Actors.Audit.AuditEntry>();
        for (long? after = 0; after is not null;)
        {
            var page = await harness.Controller.Queries.AuditAsync(after.Value, 3, default);
            Assert.True(page.Entries.Count <= 3);
            all.AddRange(page.Entries);
            after = page.Next;
        }
        Assert.Equal(
            ["network.created", "controller.delegated", "user.created", "credential.created", "allocation.reserved", "credential.used", "node.registered"],
            all.Select(entry => entry.Kind));
        Assert.Equal("admin:root", all[3].By);
        Assert.Equal($"credential-{credential.Credential.Id}", all[3].Subject);
        Assert.StartsWith("node:", all[5].By, StringComparison.Ordinal);
        var text = string.Join('\n', all);
        Assert.DoesNotContain(Convert.ToBase64String(credential.Text.Secret), text, StringComparison.Ordinal);
        Assert.DoesNotContain(Sha256.Hash(credential.Text.Secret).ToString(), text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_credentials_that_make_no_sense()
    {
        await using var harness = await ControllerHarness.StartAsync();
        foreach (var request in (CredentialRequest[])
            [new(null, []), new("alice", ["ci"]), new("nobody", []), new(null, ["No Tag"]), new(null, ["a", "a"]), new("alice", [], TimeSpan.Zero), new("alice", [], TimeSpan.FromDays(91))])
            Assert.Equal(RefusalKind.Invalid, (await harness.Controller.CreateCredentialAsync(request, harness.By("admin:root"))).Refusal?.Kind);
    }

    [Fact]
    public async Task Answers_every_one_of_many_admins_at_once_and_the_last_policy_holds()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() =>
            harness.Controller.SetPolicyAsync($"policy {i}", PolicyText.Of(("*", $"tag:t{i}")), harness.By("admin:root")))));
        Assert.All(outcomes, outcome => Assert.True(outcome.IsDone, outcome.Refusal?.Message));
        var last = harness.Store.Rows.Select(row => row.Event).OfType<PolicySet>().Last();
        Assert.Equal(last.Text, harness.Controller.Queries.PolicyText);
    }

    [Fact]
    public async Task Frees_keys_of_a_machine_that_logged_out_so_that_it_may_come_back_under_its_name()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (machine, first) = await harness.JoinAsync("laptop");
        Assert.True((await harness.Controller.LogoutAsync(first.Node.Id, harness.By($"node:{first.Node.Id}"))).IsDone);
        await Until(() => harness.Controller.Queries.View.PendingReleases.IsEmpty);
        var again = (await harness.Controller.EnrollAsync(machine.Request((await harness.CredentialAsync()).Text, harness.Clock.Now))).Result.Value!;
        Assert.Equal("laptop", again.Node.Name);
        Assert.NotEqual(first.Node.Id, again.Node.Id);
        Assert.NotEqual(first.Node.Node.Ipv4, again.Node.Node.Ipv4);
        Assert.Equal("logged-out", harness.Controller.Queries.Node(first.Node.Id)!.Removed);
    }

    [Fact]
    public async Task Refuses_a_revoked_machine_that_presents_its_used_credential()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = (await harness.CredentialAsync()).Text;
        var machine = new Machine(harness.Entropy, "laptop");
        var enrolled = (await harness.Controller.EnrollAsync(machine.Request(credential, harness.Clock.Now))).Result.Value!;
        Assert.True((await harness.Controller.RevokeNodeAsync(enrolled.Node.Id, TimeSpan.FromSeconds(1), harness.By("admin:root"))).IsDone);
        var again = await harness.Controller.EnrollAsync(machine.Request(credential, harness.Clock.Now));
        Assert.Equal(RefusalCodes.NodeRevoked, again.Result.Refusal?.Code);
        var twice = await harness.Controller.RevokeNodeAsync(enrolled.Node.Id, TimeSpan.FromSeconds(1), harness.By("admin:root"));
        Assert.Equal(RefusalKind.Conflict, twice.Refusal?.Kind);
    }

    // Enrollment writes three times: the reservation, the use, the registration. Whatever it stops behind, nothing is lost or given twice.
    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    public async Task Survives_a_stop_behind_every_write_of_a_join(int writes, bool anotherComesFirst)
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = (await harness.CredentialAsync()).Text;
        var (first, second) = (new Machine(harness.Entropy, "laptop"), new Machine(harness.Entropy, "laptop"));
        harness.Store.StopAfter(writes);
        var lost = harness.Controller.EnrollAsync(first.Request(credential, harness.Clock.Now));
        await harness.Store.Stopped.Task.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.False(lost.IsCompleted);
        await harness.CrashAsync();
        await harness.StartAgainAsync();

        var (winner, loser) = writes == 1 && anotherComesFirst ? (second, first) : (first, second);
        foreach (var machine in anotherComesFirst ? (Machine[])[second, first] : [first, second])
        {
            var outcome = await harness.Controller.EnrollAsync(machine.Request(credential, harness.Clock.Now));
            if (machine == winner)
                Assert.True(outcome.Result.IsDone, outcome.Result.Refusal?.Message);
            else
                Assert.Equal(RefusalCodes.Used, outcome.Result.Refusal?.Code);
        }
        var (_, later) = await harness.JoinAsync("laptop");

        var nodes = harness.Controller.Queries.Nodes;
        Assert.Equal(2, nodes.Count);
        Assert.Equal(["laptop", "laptop-1"], nodes.Select(node => node.Node.Name));
        Assert.Equal(["100.64.0.1", "100.64.0.2"], nodes.Select(node => node.Node.Node.Ipv4));
        Assert.Equal(winner.Identity, nodes[0].Node.Node.SigningKey);
        Assert.Equal("laptop-1", later.Node.Name);
        Assert.Equal(2, harness.Store.Rows.Count(row => row.Event is CredentialUsed));
        Assert.Equal(2, harness.Store.Rows.Count(row => row.Event is NodeRegistered));
        Assert.NotEqual(loser.Identity, nodes[1].Node.Node.SigningKey);
    }

    [Fact]
    public async Task Registers_a_committed_machine_after_a_crash_without_being_asked()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = (await harness.CredentialAsync()).Text;
        harness.Store.StopAfter(2);
        _ = harness.Controller.EnrollAsync(new Machine(harness.Entropy, "laptop").Request(credential, harness.Clock.Now));
        await harness.Store.Stopped.Task.WaitAsync(TimeSpan.FromSeconds(5));
        await harness.CrashAsync();
        await harness.StartAgainAsync();
        await Until(() => harness.Controller.Queries.Nodes.Count == 1);
    }

    // A write that took place and is reported as failed: the entity stops, recovers, and the redelivered command finds itself done.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Finds_out_that_a_write_reported_as_failed_took_place(int write)
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = (await harness.CredentialAsync()).Text;
        harness.Store.LieAfter(write);
        var outcome = await harness.Controller.EnrollAsync(new Machine(harness.Entropy, "laptop").Request(credential, harness.Clock.Now));
        Assert.True(outcome.Result.IsDone, outcome.Result.Refusal?.Message);
        Assert.Single(harness.Store.Rows, row => row.Event is AllocationReserved);
        Assert.Single(harness.Store.Rows, row => row.Event is CredentialUsed);
        Assert.Single(harness.Store.Rows, row => row.Event is NodeRegistered);
    }

    [Fact]
    public async Task Two_controllers_on_one_journal_let_one_machine_in()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await using var other = new OtherController(harness);
        await other.StartAsync();
        for (var round = 0; round < 10; round++)
        {
            var credential = (await harness.CredentialAsync()).Text;
            await other.Controller.Queries.SeesAsync(view => view.Credentials.ContainsKey(credential.Id));
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() =>
                (i % 2 == 0 ? harness.Controller : other.Controller).EnrollAsync(new Machine(harness.Entropy, "laptop").Request(credential, harness.Clock.Now)))));
            Assert.Single(outcomes, outcome => outcome.Result.IsDone);
            Assert.All(outcomes.Where(outcome => !outcome.Result.IsDone), outcome =>
                Assert.Contains(outcome.Result.Refusal!.Code, (string[])[RefusalCodes.Used, RefusalCodes.Unavailable]));
        }
        await harness.Controller.Queries.SeesAsync(view => view.Nodes.Count == 10);
        var nodes = harness.Controller.Queries.Nodes;
        Assert.Equal(10, nodes.Select(node => node.Node.Name).Distinct().Count());
        Assert.Equal(10, nodes.Select(node => node.Node.Node.Ipv4).Distinct().Count());
    }

    [Fact]
    public async Task A_loser_between_two_controllers_never_becomes_the_winner()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = (await harness.CredentialAsync()).Text;
        var (winner, loser) = (new Machine(harness.Entropy, "db"), new Machine(harness.Entropy, "db"));
        var enrolled = (await harness.Controller.EnrollAsync(winner.Request(credential, harness.Clock.Now))).Result.Value!;
        // What another controller writes that had not seen the winner's commit yet.
        var node = enrolled.Node.Node;
        var stale = new AllocationReserved(
            "other", $"node:{node.Id}", harness.Clock.Now, credential.Id, node.Id, node.Name, node.Ipv4, node.Ipv6, loser.Identity, loser.TunnelKey, "alice", []);
        await harness.Store.WriteAsync([new Persistent(stale, 2, "allocations", "allocation.reserved.v1")]);
        await harness.Controller.Queries.SeesAsync(view => view.Revision == harness.Store.Rows.Count);

        var later = (await harness.Controller.EnrollAsync(loser.Request((await harness.CredentialAsync()).Text, harness.Clock.Now))).Result.Value!;
        Assert.NotEqual(enrolled.Node.Id, later.Node.Id);
        Assert.NotEqual(enrolled.Node.Name, later.Node.Name);
        Assert.NotEqual(enrolled.Node.Node.Ipv4, later.Node.Node.Ipv4);
        Assert.Equal(winner.Identity, harness.Controller.Queries.Node(enrolled.Node.Id)!.Node.SigningKey);
        var thief = new Machine(harness.Entropy, "thief") { TunnelKey = winner.TunnelKey };
        var stolen = await harness.Controller.EnrollAsync(thief.Request((await harness.CredentialAsync()).Text, harness.Clock.Now));
        Assert.Equal("key-in-use", stolen.Result.Refusal?.Code);
    }

    [Fact]
    public async Task Stops_idle_entities_and_starts_them_again()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { PassivateAfter = TimeSpan.FromMilliseconds(20) });
        var credential = (await harness.CredentialAsync()).Text;
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(RefusalKind.Conflict, (await harness.Controller.CreateUserAsync("alice", harness.By("admin:root"))).Refusal?.Kind);
            await Task.Delay(i * 2);
        }
        var outcome = await harness.Controller.EnrollAsync(new Machine(harness.Entropy, "laptop").Request(credential, harness.Clock.Now));
        Assert.True(outcome.Result.IsDone);
    }

    static async Task Until(Func<bool> condition)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(5);
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < deadline, "not in time");
            await Task.Delay(10);
        }
    }

    internal sealed class OtherController(ControllerHarness harness) : IAsyncDisposable
    {
        readonly ActorSystem _system = ActorSystem.Create(
            "other", ConfigurationFactory.ParseString("akka { stdout-loglevel = OFF, loglevel = ERROR, log-dead-letters = off }\n" + harness.Store.Hocon));

        public ControllerSystem Controller { get; private set; } = null!;

        public async Task StartAsync() => Controller = await ControllerSystem.StartAsync(
            _system, harness.Store, harness.Signer, harness.Clock, harness.Entropy, new Mesh.Actors.Sessions.PresenceTable(), harness.Options);

        public async ValueTask DisposeAsync()
        {
            await Controller.DisposeAsync();
            await _system.Terminate();
        }
    }
}

static class QueriesExtensions
{
    public static async Task SeesAsync(this NetworkQueries queries, Func<NetworkView, bool> condition)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(5);
        while (!condition(queries.View))
        {
            Assert.True(DateTime.UtcNow < deadline, "not in time");
            await Task.Delay(5);
        }
    }
}

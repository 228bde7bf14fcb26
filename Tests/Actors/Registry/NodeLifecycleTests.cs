using Mesh.Actors.Events;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Tests.Actors.Sessions;

namespace Mesh.Tests.Actors.Registry;

/// <summary>What becomes of nodes and of their credentials, over the actors of a controller.</summary>
public sealed class NodeLifecycleTests
{
    [Fact]
    public async Task Of_fifty_machines_with_a_credential_for_five_exactly_five_get_in_each_as_itself()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var credential = await ReusableAsync(harness, 5);
        var machines = Enumerable.Range(0, 50).Select(_ => new Machine(harness.Entropy, "ci")).ToList();
        var outcomes = await Task.WhenAll(machines.Select(machine =>
            Task.Run(() => harness.Controller.EnrollAsync(machine.Request(credential.Text, harness.Clock.Now)))));
        Assert.Equal(5, outcomes.Count(outcome => outcome.Result.IsDone));
        Assert.Equal(45, outcomes.Count(outcome => outcome.Result.Refusal?.Code == RefusalCodes.Used));
        var nodes = harness.Controller.Queries.Nodes;
        Assert.Equal(["ci", "ci-1", "ci-2", "ci-3", "ci-4"], nodes.Select(node => node.Node.Name));
        Assert.Equal(5, nodes.Select(node => node.Node.Node.Ipv4).Distinct().Count());
        for (var i = 0; i < machines.Count; i++)
        {
            // The same machine again, in whatever state the credential is, gets what it got.
            var again = await harness.Controller.EnrollAsync(machines[i].Request(credential.Text, harness.Clock.Now));
            Assert.Equal(outcomes[i].Result.IsDone, again.Result.IsDone);
            Assert.Equal(outcomes[i].Result.Value?.Node.Id, again.Result.Value?.Node.Id);
            if (again.Result.Value is { } enrolled)
                Assert.Equal(machines[i].Identity, enrolled.Node.Node.SigningKey);
        }
        Assert.Equal(5, harness.Store.Rows.Count(row => row.Event is CredentialUsed));
        Assert.Equal(CredentialStatus.Used, harness.Controller.Queries.View.Credentials[credential.Credential.Id].Status);
    }

    [Fact]
    public async Task Two_controllers_give_each_machine_of_one_credential_its_own_place()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await using var other = new ControllerSystemTests.OtherController(harness);
        await other.StartAsync();
        for (var round = 0; round < 4; round++)
        {
            var credential = await ReusableAsync(harness, 6);
            await other.Controller.Queries.SeesAsync(view => view.Credentials.ContainsKey(credential.Credential.Id));
            var machines = Enumerable.Range(0, 12).Select(_ => new Machine(harness.Entropy, "ci")).ToList();
            await Task.WhenAll(machines.Select((machine, i) => Task.Run(() =>
                (i % 2 == 0 ? harness.Controller : other.Controller).EnrollAsync(machine.Request(credential.Text, harness.Clock.Now)))));
        }
        await harness.Controller.Queries.SeesAsync(view => view.Revision == harness.Store.Rows.Count && view.PendingRegistrations.IsEmpty);
        var used = harness.Store.Rows.Select(row => row.Event).OfType<CredentialUsed>().ToList();
        var nodes = harness.Controller.Queries.Nodes;
        Assert.Equal(used.Count, nodes.Count);
        Assert.All(used.GroupBy(use => use.Credential), uses => Assert.InRange(uses.Count(), 1, 6));
        Assert.Equal(used.Count, used.Select(use => use.Node.Id).Distinct().Count());
        Assert.Equal(nodes.Count, nodes.Select(node => node.Node.Name).Distinct().Count());
        Assert.Equal(nodes.Count, nodes.Select(node => node.Node.Node.Ipv4).Distinct().Count());
        Assert.Equal(nodes.Count, nodes.Select(node => node.Node.Node.SigningKey).Distinct().Count());
    }

    [Fact]
    public async Task Refuses_credentials_for_many_machines_or_for_long()
    {
        await using var harness = await ControllerHarness.StartAsync();
        foreach (var request in (CredentialRequest[])
            [new("alice", [], Uses: 0), new("alice", [], Uses: 26), new("alice", [], TimeSpan.FromHours(25), Uses: 2), new(null, [], Uses: 2)])
            Assert.Equal(RefusalKind.Invalid, (await harness.Controller.CreateCredentialAsync(request, harness.By("admin:root"))).Refusal?.Kind);
        Assert.True((await harness.Controller.CreateCredentialAsync(new("alice", [], TimeSpan.FromHours(24), Uses: 25), harness.By("admin:root"))).IsDone);
    }

    [Fact]
    public async Task The_same_machine_keeps_id_name_and_addresses_with_another_credential_and_new_tunnel_key()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (machine, first) = await harness.JoinAsync("laptop");
        Assert.True((await harness.Controller.RenameNodeAsync(first.Node.Id, "main", harness.By("admin:root"))).IsDone);
        var again = await EnrollAsync(harness, new Machine(harness.Entropy, "laptop") { SigningKey = machine.SigningKey }, await harness.CredentialAsync());
        Assert.Equal((first.Node.Id, "main", first.Node.Node.Ipv4), (again.Node.Id, again.Node.Name, again.Node.Node.Ipv4));
        Assert.NotEqual(first.Node.Node.TunnelKey, again.Node.Node.TunnelKey);
        Assert.Single(harness.Controller.Queries.Nodes);
    }

    [Fact]
    public async Task Another_users_credential_makes_another_node_and_keeps_the_old()
    {
        await using var harness = await ControllerHarness.StartAsync();
        Assert.True((await harness.Controller.CreateUserAsync("bob", harness.By("admin:root"))).IsDone);
        var (machine, first) = await harness.JoinAsync("laptop");
        var credential = await harness.CredentialAsync("bob");
        var refused = await harness.Controller.EnrollAsync(machine.Request(credential.Text, harness.Clock.Now));
        Assert.Equal(RefusalCodes.OtherOwner, refused.Result.Refusal?.Code);
        Assert.False(refused.WrongSecret);
        // What a machine does then: it draws new keys.
        var second = await EnrollAsync(harness, new Machine(harness.Entropy, "laptop"), credential);
        Assert.NotEqual(first.Node.Id, second.Node.Id);
        Assert.Equal(["laptop", "laptop-1"], harness.Controller.Queries.Nodes.Where(node => node.Node.IsPresent).Select(node => node.Node.Name));
    }

    [Fact]
    public async Task A_tagged_credential_takes_a_users_machine_over_and_a_users_gives_it_back()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (machine, first) = await harness.JoinAsync("laptop");
        var tagged = await EnrollAsync(harness, machine, await harness.CredentialAsync(null, null, "ci"));
        Assert.Equal((first.Node.Id, (string?)null), (tagged.Node.Id, tagged.Node.Node.Owner));
        Assert.Equal(["ci"], tagged.Node.Node.Tags);
        var back = await EnrollAsync(harness, machine, await harness.CredentialAsync());
        Assert.Equal((first.Node.Id, "alice"), (back.Node.Id, back.Node.Node.Owner));
        Assert.Empty(back.Node.Node.Tags);
    }

    [Fact]
    public async Task An_admins_tags_must_be_known_and_survive_that_the_machine_joins_again()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (machine, joined) = await harness.JoinAsync("laptop");
        await SetPolicyAsync(harness, ("tags", PolicyText.Map(1, ("server", PolicyText.Text(null, 1)), ("ci", PolicyText.Text(null, 1)))));
        foreach (var (tags, part) in new (string[], string)[] { (["unknown"], "unknown"), (["No Tag"], "No Tag"), ([], "at least one tag") })
        {
            var refused = await TagAsync(null, tags);
            Assert.Equal(RefusalKind.Invalid, refused.Refusal?.Kind);
            Assert.Contains(part, refused.Refusal!.Message, StringComparison.Ordinal);
        }
        Assert.Equal("alice", harness.Controller.Queries.Node(joined.Node.Id)!.Node.Owner);
        Assert.Equal(["ci", "server"], (await TagAsync(null, ["server", "ci", "ci"])).Value!.Node.Tags);
        var again = await EnrollAsync(harness, machine, await harness.CredentialAsync());
        Assert.Equal(["ci", "server"], again.Node.Node.Tags);
        Assert.Null(again.Node.Node.Owner);
        Assert.Equal("alice", (await TagAsync("alice", [])).Value!.Node.Owner);
        Assert.Equal(RefusalKind.Invalid, (await TagAsync("nobody", [])).Refusal?.Kind);

        Task<Outcome<NodeView>> TagAsync(string? owner, string[] tags) =>
            harness.Controller.TagNodeAsync(joined.Node.Id, owner, tags, harness.By("admin:root"));
    }

    [Fact]
    public async Task A_machine_is_called_by_its_hostname_whatever_that_is_and_by_a_number_where_it_is_taken()
    {
        await using var harness = await ControllerHarness.StartAsync();
        foreach (var (hostname, name) in new[]
        {
            ("", "node"), ("東京", "node-1"), ("Joe's Mac mini", "joes-mac-mini"), ("Test@Host", "test-host"), ("mail.server", "mail-server"),
            ("My-PC!", "my-pc"), ("x", "x"), ("x", "x-1"), ("X", "x-2"),
        })
            Assert.Equal(name, (await harness.JoinAsync(hostname)).Enrolled.Node.Name);
    }

    [Fact]
    public async Task A_name_is_taken_bad_or_given_at_once_also_by_two_admins()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (_, laptop) = await harness.JoinAsync("laptop");
        var (_, db) = await harness.JoinAsync("db");
        foreach (var bad in (string[])["", "Big", "a.b", "-a", "localhost", new string('x', 64)])
            Assert.Equal(RefusalKind.Invalid, (await RenameAsync(laptop.Node.Id, bad)).Refusal?.Kind);
        Assert.Equal("name-taken", (await RenameAsync(laptop.Node.Id, "db")).Refusal?.Code);
        Assert.Equal("laptop", harness.Controller.Queries.Node(laptop.Node.Id)!.Name);
        var both = await Task.WhenAll(RenameAsync(laptop.Node.Id, "main"), RenameAsync(db.Node.Id, "main"));
        Assert.Single(both, outcome => outcome.IsDone);
        var revision = harness.Controller.Queries.View.Revision;
        var winner = both.Single(outcome => outcome.IsDone).Value!;
        Assert.True((await RenameAsync(winner.Id, "main")).IsDone);
        Assert.Equal(revision, harness.Controller.Queries.View.Revision);
        Assert.Equal(winner.Id, harness.Controller.Queries.FindNode("main")!.Id);

        Task<Outcome<NodeView>> RenameAsync(NodeId node, string name) => harness.Controller.RenameNodeAsync(node, name, harness.By("admin:root"));
    }

    [Fact]
    public async Task A_deleted_node_is_listed_no_more_and_stays_in_the_journal()
    {
        await using var harness = await ControllerHarness.StartAsync();
        var (_, joined) = await harness.JoinAsync("laptop");
        var node = joined.Node.Id;
        Assert.Equal("present", (await harness.Controller.DeleteNodeAsync(node, harness.By("admin:root"))).Refusal?.Code);
        Assert.True((await harness.Controller.RevokeNodeAsync(node, TimeSpan.FromSeconds(1), harness.By("admin:root"))).IsDone);
        Assert.True((await harness.Controller.DeleteNodeAsync(node, harness.By("admin:root"))).IsDone);
        Assert.Empty(harness.Controller.Queries.Nodes);
        await harness.Controller.Queries.SeesAsync(view => !view.Nodes.ContainsKey(node) && view.PendingReleases.IsEmpty);
        Assert.Equal(RefusalKind.NotFound, (await harness.Controller.RevokeNodeAsync(node, TimeSpan.FromSeconds(1), harness.By("admin:root"))).Refusal?.Kind);
        Assert.Contains(harness.Store.Rows, row => row.Event is NodeRegistered registered && registered.Node.Id == node);
    }

    [Fact]
    public async Task A_users_machine_gets_the_configured_time_and_a_tagged_one_none()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { NodeExpiry = TimeSpan.FromDays(180) });
        var (_, laptop) = await harness.JoinAsync("laptop");
        var (_, server) = await harness.JoinAsync("server", null, "server");
        await harness.Controller.Queries.SeesAsync(view => view.Nodes[laptop.Node.Id].ExpiresAt is not null);
        Assert.Equal(harness.Clock.Now + TimeSpan.FromDays(180), harness.Controller.Queries.Node(laptop.Node.Id)!.ExpiresAt);
        Assert.Null(harness.Controller.Queries.Node(server.Node.Id)!.ExpiresAt);
        Assert.Equal("tagged", (await harness.Controller.SetNodeExpiryAsync(server.Node.Id, harness.Clock.Now, harness.By("admin:root"))).Refusal?.Code);
    }

    [Fact]
    public async Task A_machine_waits_where_the_policy_says_so_until_an_admin_lets_it_in()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await SetPolicyAsync(harness, ("approval", PolicyText.Text("required", 2)));
        var (_, laptop) = await harness.JoinAsync("laptop");
        Assert.True(laptop.Node.IsWaiting);
        var approved = await harness.Controller.ApproveNodeAsync(laptop.Node.Id, harness.By("admin:root"));
        Assert.False(approved.Value!.IsWaiting);
        var rows = harness.Store.Rows.Count;
        Assert.True((await harness.Controller.ApproveNodeAsync(laptop.Node.Id, harness.By("admin:root"))).IsDone);
        Assert.Equal(rows, harness.Store.Rows.Count);
    }

    [Fact]
    public async Task An_ephemeral_node_is_deleted_once_it_was_away_and_never_while_it_is_attached()
    {
        var step = TimeSpan.FromMilliseconds(20);
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions
        {
            EphemeralTimeout = 5 * step, NodeSweepInterval = step, CommandTimeout = TimeSpan.FromSeconds(5),
        });
        var credential = (await harness.Controller.CreateCredentialAsync(
            new CredentialRequest("alice", [], Uses: 2, Ephemeral: true), harness.By("admin:root"))).Value!;
        var (machine, gone) = (new Machine(harness.Entropy, "ci"), new Machine(harness.Entropy, "ci"));
        var attached = new TestNode(harness, machine, await EnrollAsync(harness, machine, credential));
        await attached.AttachAsync();
        await harness.Controller.Queries.SeesAsync(_ => harness.Controller.Queries.Presence(attached.Id).Online);
        var away = await EnrollAsync(harness, gone, credential);
        await harness.Controller.Queries.SeesAsync(view =>
        {
            harness.Clock.Advance(step);
            return !view.Nodes.ContainsKey(away.Node.Id);
        });
        Assert.Equal("ci", Assert.Single(harness.Controller.Queries.Nodes).Node.Name);
        var deleted = harness.Store.Rows.Select(row => row.Event).OfType<NodeDeleted>().Single();
        Assert.Equal((Cause.System, away.Node.Id), (deleted.By, deleted.Node));

        // It presents the same credential again and is told that it is out; with new keys it comes back.
        Assert.Equal(
            RefusalCodes.NodeRevoked, (await harness.Controller.EnrollAsync(gone.Request(credential.Text, harness.Clock.Now))).Result.Refusal?.Code);

        attached.Handle.Closed();
        await harness.Controller.Queries.SeesAsync(view =>
        {
            harness.Clock.Advance(step);
            return view.Nodes.IsEmpty;
        });
    }

    [Fact]
    public async Task A_node_expires_at_its_time_and_its_peers_are_told()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { NodeSweepInterval = TimeSpan.FromMilliseconds(20) });
        await harness.AllowAsync(("*", "*"));
        var (machine, enrolled) = await harness.JoinAsync("laptop");
        var (server, serverEnrolled) = await harness.JoinAsync("server", null, "server");
        var (laptop, peer) = (new TestNode(harness, machine, enrolled), new TestNode(harness, server, serverEnrolled));
        await laptop.AttachAsync();
        await peer.AttachAsync();
        var end = harness.Clock.Now + TimeSpan.FromHours(1);
        Assert.True((await harness.Controller.SetNodeExpiryAsync(laptop.Id, end, harness.By("admin:root"))).IsDone);
        Assert.Equal(end, (await laptop.NextMapAsync()).Delta!.Self!.ExpiresAt);
        harness.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True(Assert.Single((await peer.NextMapAsync()).Delta!.Set!).Expired);
        Assert.True((await laptop.NextMapAsync()).Delta!.Self!.Expired);
        // With a new credential it is the same node, and its peers open it again.
        Assert.Equal(laptop.Id, (await EnrollAsync(harness, machine, await harness.CredentialAsync())).Node.Id);
        Assert.Null(Assert.Single((await peer.NextMapAsync()).Delta!.Set!).Expired);
        Assert.Null((await laptop.NextMapAsync()).Delta!.Self!.Expired);
    }

    [Fact]
    public async Task A_rotated_key_reaches_the_peers_alone_and_names_the_former_one()
    {
        await using var harness = await ControllerHarness.StartAsync(options: new ControllerOptions { NodeSweepInterval = TimeSpan.FromMilliseconds(20) });
        await harness.AllowAsync(("user:alice", "user:alice"));
        var (first, second, third) = (await harness.JoinAsync("laptop"), await harness.JoinAsync("phone"), await harness.JoinAsync("other", null, "server"));
        TestNode[] nodes = [.. new[] { first, second, third }.Select(one => new TestNode(harness, one.Machine, one.Enrolled))];
        foreach (var node in nodes)
            await node.AttachAsync();
        var (laptop, phone) = (nodes[0], nodes[1]);
        var (before, after, taken) = (first.Enrolled.Node.Node.TunnelKey, Key(7), second.Enrolled.Node.Node.TunnelKey);

        Assert.Equal("key-in-use", await RotateAsync(before, taken));
        Assert.Equal("key-changed", await RotateAsync(taken, after));
        Assert.Null(await RotateAsync(before, after));
        var entry = Assert.Single((await phone.NextMapAsync()).Delta!.Set!);
        Assert.Equal((laptop.Id, after, before), (entry.Id, entry.TunnelKey, entry.FormerKey!.Value));
        var rows = harness.Store.Rows.Count;
        Assert.Null(await RotateAsync(before, after));
        Assert.Equal(rows, harness.Store.Rows.Count);
        Assert.Equal("allocations", harness.Store.Rows[^1].Row.PersistenceId);

        // Whoever has no rules with it, and it itself, hears of nothing: the next that comes is the next change.
        Assert.True((await harness.Controller.RenameNodeAsync(laptop.Id, "main", harness.By("admin:root"))).IsDone);
        Assert.Equal("main", (await laptop.NextMapAsync()).Delta!.Self!.Name);
        Assert.Equal(before, Assert.Single((await phone.NextMapAsync()).Delta!.Set!).FormerKey);
        Assert.DoesNotContain(nodes[2].Seen.Skip(1), frame => frame.Map is not null);

        // It joins again with that key: the same node, its peers see nothing new. With another one it is no planned change.
        await EnrollAsync(harness, Keyed(after), await harness.CredentialAsync());
        Assert.Equal((after, before), (View().Node.TunnelKey, View().FormerKey!.Value));
        await EnrollAsync(harness, Keyed(Key(8)), await harness.CredentialAsync());
        Assert.Equal((Key(8), default(TunnelPublicKey?)), (View().Node.TunnelKey, View().FormerKey));

        // Whose time is over, and who was taken out, changes nothing; what was done before is still done.
        Assert.Null(await RotateAsync(Key(8), Key(9)));
        Assert.True((await harness.Controller.SetNodeExpiryAsync(laptop.Id, harness.Clock.Now, harness.By("admin:root"))).IsDone);
        Assert.Null(await RotateAsync(Key(8), Key(9)));
        Assert.Equal("node-expired", await RotateAsync(Key(9), Key(10)));
        await harness.Controller.RevokeNodeAsync(laptop.Id, TimeSpan.Zero, harness.By("admin:root"));
        Assert.Equal("node-revoked", await RotateAsync(Key(9), Key(10)));

        async Task<string?> RotateAsync(TunnelPublicKey from, TunnelPublicKey to) =>
            (await harness.Controller.RotateKeyAsync(laptop.Id, from, to, harness.By($"node:{laptop.Id}"))).Refusal?.Code;

        Machine Keyed(TunnelPublicKey key) => new(harness.Entropy, "laptop") { SigningKey = first.Machine.SigningKey, TunnelKey = key };

        NodeView View() => harness.Controller.Queries.Node(laptop.Id)!;

        static TunnelPublicKey Key(byte number) => new([.. Enumerable.Repeat(number, 32)]);
    }

    [Fact]
    public async Task A_journal_that_knows_a_former_key_learns_from_the_node_as_it_attaches()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await harness.AllowAsync(("*", "*"));
        var (first, second) = (await harness.JoinAsync("laptop"), await harness.JoinAsync("phone"));
        var (laptop, phone) = (new TestNode(harness, first.Machine, first.Enrolled), new TestNode(harness, second.Machine, second.Enrolled));
        await phone.AttachAsync();
        // It rotated its key, and a backup from before that was restored.
        laptop.TunnelKey = new TunnelPublicKey([.. Enumerable.Repeat((byte)7, 32)]);
        await laptop.AttachAsync();
        Assert.Equal((laptop.TunnelKey, first.Machine.TunnelKey), await EntryAsync());
        var rows = harness.Store.Rows.Count;
        // It says so each time; and what is somebody else's is not believed.
        var again = laptop.Again();
        again.TunnelKey = laptop.TunnelKey;
        await again.AttachAsync();
        var liar = again.Again();
        liar.TunnelKey = second.Machine.TunnelKey;
        await liar.AttachAsync();
        Assert.True((await harness.Controller.RenameNodeAsync(laptop.Id, "main", harness.By("admin:root"))).IsDone);
        Assert.Equal(rows + 1, harness.Store.Rows.Count);

        async Task<(TunnelPublicKey?, TunnelPublicKey?)> EntryAsync()
        {
            while (true)
            {
                if ((await phone.NextMapAsync()).Delta?.Set is [{ FormerKey: not null } entry])
                    return (entry.TunnelKey, entry.FormerKey);
            }
        }
    }

    [Fact]
    public async Task Rename_tags_and_approval_reach_the_peers_that_are_attached()
    {
        await using var harness = await ControllerHarness.StartAsync();
        await SetPolicyAsync(
            harness, ("tags", PolicyText.Map(1, ("server", PolicyText.Text(null, 1)))), ("approval", PolicyText.Text("required", 1)),
            ("allow", new Mesh.Actors.Policy.PolicySource.Sequence(
                [PolicyText.Map(2, ("from", PolicyText.List(2, "user:alice")), ("to", PolicyText.List(2, "tag:server")))], 2)));
        var (first, second) = (await harness.JoinAsync("laptop"), await harness.JoinAsync("db"));
        var (laptop, db) = (new TestNode(harness, first.Machine, first.Enrolled), new TestNode(harness, second.Machine, second.Enrolled));
        await laptop.AttachAsync();
        await db.AttachAsync();
        Assert.True(laptop.Trust.Body!.Self.Waits);
        Assert.True((await harness.Controller.ApproveNodeAsync(laptop.Id, harness.By("admin:root"))).IsDone);
        Assert.Null((await laptop.NextMapAsync()).Delta!.Self!.Waits);
        Assert.True((await harness.Controller.ApproveNodeAsync(db.Id, harness.By("admin:root"))).IsDone);
        await db.NextMapAsync();
        Assert.Empty(laptop.Peers);
        Assert.True((await harness.Controller.TagNodeAsync(db.Id, null, ["server"], harness.By("admin:root"))).IsDone);
        Assert.Equal(["server"], (await db.NextMapAsync()).Delta!.Self!.Tags);
        Assert.Equal("db", Assert.Single((await laptop.NextMapAsync()).Delta!.Set!).Name);
        Assert.True((await harness.Controller.RenameNodeAsync(db.Id, "main", harness.By("admin:root"))).IsDone);
        Assert.Equal("main", Assert.Single((await laptop.NextMapAsync()).Delta!.Set!).Name);
        Assert.Equal("main", (await db.NextMapAsync()).Delta!.Self!.Name);
    }

    static async Task SetPolicyAsync(ControllerHarness harness, params (string Key, Mesh.Actors.Policy.PolicySource Value)[] more)
    {
        var source = PolicyText.Map(1, [("version", PolicyText.Text("1", 1)), .. more]);
        Assert.True((await harness.Controller.SetPolicyAsync("text", source, harness.By("admin:root"))).IsDone);
    }

    static async Task<IssuedCredential> ReusableAsync(ControllerHarness harness, int uses) =>
        (await harness.Controller.CreateCredentialAsync(new CredentialRequest("alice", [], Uses: uses), harness.By("admin:root"))).Value!;

    static async Task<Enrolled> EnrollAsync(ControllerHarness harness, Machine machine, IssuedCredential credential)
    {
        var outcome = await harness.Controller.EnrollAsync(machine.Request(credential.Text, harness.Clock.Now));
        Assert.True(outcome.Result.IsDone, outcome.Result.Refusal?.Message);
        return outcome.Result.Value;
    }
}

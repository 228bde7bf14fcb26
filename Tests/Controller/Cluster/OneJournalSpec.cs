using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Actors.Registry;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.Actors.History;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Controller.Journal;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>Three controllers on one journal are asked for things of which only one can be had, all at once.</summary>
public abstract class OneJournalSpec
{
    internal abstract ITempPlace CreatePlace();

    [SpecFact]
    public async Task Of_many_machines_with_one_credential_one_gets_in_and_the_others_are_told_so()
    {
        await using var controllers = await SeveralControllers.StartAsync(CreatePlace());
        var told = new List<Acknowledged>();
        for (var round = 0; round < 8; round++)
        {
            var credential = await controllers.CredentialAsync(round);
            var machines = Enumerable.Range(0, 9).Select(i => new Machine(controllers.Entropy, $"host{i % 3}")).ToList();
            var outcomes = await Task.WhenAll(machines.Select((machine, i) => controllers.EnrollAsync(i, machine, credential)));
            var winner = Assert.Single(Enumerable.Range(0, 9), i => outcomes[i].Result.IsDone);
            told.Add(new(Acknowledged.Joined, $"{machines[winner].Identity} with {credential.Id}"));
            Assert.All(outcomes.Where(outcome => !outcome.Result.IsDone), outcome => Assert.Equal(RefusalCodes.Used, outcome.Result.Refusal!.Code));
            // The same answer again, wherever it asks.
            var again = await controllers.EnrollAsync(winner + 1, machines[winner], credential);
            Assert.Equal(outcomes[winner].Result.Value!.Node.Id, again.Result.Value?.Node.Id);
        }
        await CheckAsync(controllers, told);
    }

    [SpecFact]
    public async Task Machines_that_join_at_all_controllers_at_once_get_names_and_addresses_of_their_own()
    {
        await using var controllers = await SeveralControllers.StartAsync(CreatePlace());
        var credentials = new List<CredentialString>();
        for (var i = 0; i < 45; i++)
            credentials.Add(await controllers.CredentialAsync(i));
        var machines = credentials.ConvertAll(_ => new Machine(controllers.Entropy, "web"));
        var outcomes = await Task.WhenAll(machines.Select((machine, i) => controllers.EnrollAsync(i, machine, credentials[i])));
        Assert.All(outcomes, outcome => Assert.True(outcome.Result.IsDone, outcome.Result.Refusal?.Message));
        Assert.Equal(45, outcomes.Select(outcome => outcome.Result.Value!.Node.Name).Distinct().Count());
        await CheckAsync(
            controllers, machines.Select((machine, i) => new Acknowledged(Acknowledged.Joined, $"{machine.Identity} with {credentials[i].Id}")));
        var journal = await controllers.JournalAsync();
        Assert.Equal(45, journal.Count(row => row.Manifest == "allocation.reserved.v1"));
    }

    [SpecFact]
    public async Task Who_goes_from_one_controller_to_another_finds_there_what_was_done()
    {
        await using var controllers = await SeveralControllers.StartAsync(CreatePlace());
        await controllers[0].CreateUserAsync("alice", controllers.By("admin:root"));
        for (var round = 0; round < 20; round++)
        {
            var joined = await controllers.EnrollAsync(round, new Machine(controllers.Entropy, $"host{round}"), await controllers.CredentialAsync(round));
            var node = joined.Result.Value!.Node.Id;
            // The next controller has the node at hand, as it was.
            await controllers[round + 1].CatchUpAsync();
            var tagged = await controllers[round + 1].TagNodeAsync(node, "alice", [], controllers.By("admin:root"));
            Assert.True(tagged.IsDone, tagged.Refusal?.Message);
            await controllers[round].CatchUpAsync();
            Assert.True((await controllers[round].RevokeNodeAsync(node, TimeSpan.Zero, controllers.By("admin:root"))).IsDone);
            await controllers[round + 1].CatchUpAsync();
            Assert.False(controllers[round + 1].Queries.View.Nodes[node].IsPresent);
            var deleted = await controllers[round + 1].DeleteNodeAsync(node, controllers.By("admin:root"));
            Assert.True(deleted.IsDone, $"round {round}: {deleted.Refusal?.Message}");
        }
    }

    [SpecFact]
    public async Task Users_policies_and_removals_are_decided_once_wherever_they_are_asked_for()
    {
        await using var controllers = await SeveralControllers.StartAsync(CreatePlace());
        var told = new List<Acknowledged>();
        for (var round = 0; round < 5; round++)
        {
            var name = $"user{round}";
            var users = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => controllers[i].CreateUserAsync(name, controllers.By("admin:root")))));
            Assert.Single(users, outcome => outcome.IsDone);
            Assert.All(users.Where(outcome => !outcome.IsDone), outcome => Assert.Equal("exists", outcome.Refusal!.Code));
            told.Add(new(Acknowledged.UserCreated, name));

            var policies = Enumerable.Range(0, 9).Select(i => $"version: 1 # {round}.{i}").ToList();
            var set = await Task.WhenAll(policies.Select((text, i) => Task.Run(() =>
                controllers[i].SetPolicyAsync(text, PolicyText(), controllers.By("admin:root")))));
            Assert.All(set, outcome => Assert.True(outcome.IsDone, outcome.Refusal?.Message));
            told.AddRange(policies.Select(text => new Acknowledged(Acknowledged.PolicySet, text)));

            var credential = await controllers.CredentialAsync(round);
            var node = (await controllers.EnrollAsync(round, new Machine(controllers.Entropy, "web"), credential)).Result.Value!.Node.Id;
            told.Add(new(Acknowledged.CredentialCreated, credential.Id.ToString()));
            var removals = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(async () => i % 2 == 0
                ? (await controllers[i].RevokeNodeAsync(node, TimeSpan.FromSeconds(1), controllers.By("admin:root"))).Refusal
                : (await controllers[i].LogoutAsync(node, controllers.By("node"))).Refusal)));
            var first = Assert.Single(Enumerable.Range(0, 6), i => removals[i] is null);
            Assert.All(removals.OfType<Refusal>(), refusal => Assert.Equal("removed", refusal.Code));
            told.Add(new(first % 2 == 0 ? Acknowledged.NodeRevoked : Acknowledged.LoggedOut, node.ToString()));

            var unused = await controllers.CredentialAsync(round);
            var revoked = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() =>
                controllers[i].RevokeCredentialAsync(unused.Id, controllers.By("admin:root")))));
            Assert.Single(revoked, outcome => outcome.IsDone);
            told.Add(new(Acknowledged.CredentialRevoked, unused.Id.ToString()));
        }
        await CheckAsync(controllers, told);
        // Each name was free again before the next machine came, and was freed once.
        var journal = await controllers.JournalAsync();
        Assert.Equal(5, journal.Count(row => row.Manifest == "allocation.released.v1"));
        Assert.All(controllers[0].Queries.Nodes, node => Assert.Equal("web", node.Node.Name));
    }

    static async Task CheckAsync(SeveralControllers controllers, IEnumerable<Acknowledged> told)
    {
        await controllers.SettleAsync();
        Assert.Empty(NetworkHistory.Check(await controllers.JournalAsync(), told));
        for (var i = 1; i < 3; i++)
        {
            Assert.Equal(controllers[0].Queries.Nodes.Select(one => (one.Node.Id, one.Node.Name, one.Node.Removed)),
                controllers[i].Queries.Nodes.Select(one => (one.Node.Id, one.Node.Name, one.Node.Removed)));
            Assert.Equal(controllers[0].Queries.PolicyText, controllers[i].Queries.PolicyText);
        }
    }

    static PolicySource PolicyText() => new PolicySource.Mapping([new("version", new PolicySource.Scalar("1", 1), 1)], 1);
}

/// <summary>On PostgreSQL.</summary>
[NeedsPostgres]
public sealed class OneJournalPostgresTests : OneJournalSpec
{
    internal override ITempPlace CreatePlace() => new TempPostgres();
}

/// <summary>On one SQLite file that several programs have open.</summary>
public sealed class OneJournalSqliteTests : OneJournalSpec
{
    internal override ITempPlace CreatePlace() => new TempJournal();
}

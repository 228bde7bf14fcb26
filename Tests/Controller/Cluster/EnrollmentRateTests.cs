using System.Diagnostics;
using System.Net;
using Mesh.Actors.Events;
using Mesh.Controller.Journal;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Tests.Actors.History;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Controller.Journal;
using Mesh.Tests.Kit.Persistence;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>
/// Two controllers let machines in at once, in a network that has many already (500; with <c>MESH_FULL=1</c> 5,000), and says how many a
/// second: once with entities that start from the projection, once with entities that replay. Prints, and asserts only that all get in.
/// </summary>
[NeedsPostgres]
public sealed class EnrollmentRateTests(ITestOutputHelper output)
{
    static readonly bool IsFull = Environment.GetEnvironmentVariable("MESH_FULL") == "1";

    [SpecFact]
    public async Task Joining_at_two_controllers_costs_the_same_however_many_have_joined()
    {
        var (present, joining) = IsFull ? (5000, 400) : (500, 40);
        foreach (var snapshots in (bool[])[true, false])
        {
            await using var controllers = await SeveralControllers.StartAsync(
                new TempPostgres(), 2, snapshots, (all, journal) => FillAsync(all, journal, present));
            var machines = Enumerable.Range(0, joining).Select(_ => new Machine(controllers.Entropy, "web")).ToList();
            var credentials = await Task.WhenAll(machines.Select((_, i) => Task.Run(() => controllers.CredentialAsync(i))));
            await controllers.SettleAsync();
            var began = Stopwatch.GetTimestamp();
            var outcomes = await Task.WhenAll(machines.Select((machine, i) => controllers.EnrollAsync(i, machine, credentials[i])));
            var took = Stopwatch.GetElapsedTime(began);
            Assert.All(outcomes, outcome => Assert.True(outcome.Result.IsDone, outcome.Result.Refusal?.Message));
            output.WriteLine(
                $"{present} nodes present, {joining} join at 2 controllers, entities {(snapshots ? "start from the projection" : "replay")}: " +
                $"{joining / took.TotalSeconds:0} a second");
            Assert.Empty(NetworkHistory.Check(
                await controllers.JournalAsync(),
                machines.Select((machine, i) => new Acknowledged(Acknowledged.Joined, $"{machine.Identity} with {credentials[i].Id}"))));
        }
    }

    // As so many enrollments would have left the journal.
    static async Task FillAsync(SeveralControllers all, JournalDatabase journal, int count)
    {
        var now = all.Clock.Now;
        var reserved = new List<JournalRow>();
        var rest = new List<Task>();
        for (var i = 1; i <= count; i++)
        {
            var credential = TypedId.Create<CredentialId>(all.Entropy);
            var machine = new Machine(all.Entropy, $"old-{i}");
            var node = new EnrolledNode(
                TypedId.Create<NodeId>(all.Entropy), machine.Hostname, machine.Identity, machine.TunnelKey, $"100.64.{i / 256}.{i % 256}",
                IPAddress.Parse($"fd12:3456:789a::{i:x}").ToString(), null, ["server"], machine.Hostname, "linux", "1.0");
            var by = $"node:{node.Id}";
            reserved.Add(Row("allocations", i, new AllocationReserved(
                $"a{i}", by, now, credential, node.Id, node.Name, node.Ipv4, node.Ipv6, node.SigningKey, node.TunnelKey, null, node.Tags)));
            rest.Add(journal.AppendAsync(
            [
                Row($"credential-{credential}", 1, new CredentialCreated(
                    $"c{i}", "admin:root", now, credential, Sha256.Hash([1]), null, node.Tags, now + TimeSpan.FromHours(1))),
                Row($"credential-{credential}", 2, new CredentialUsed($"a{i}", by, now, credential, node)),
            ]));
            rest.Add(journal.AppendAsync([Row($"node-{node.Id}", 1, new NodeRegistered($"register-{credential}", by, now, credential, node))]));
        }
        foreach (var chunk in reserved.Chunk(500))
            await journal.AppendAsync(chunk);
        await Task.WhenAll(rest);
    }

    static JournalRow Row(string persistenceId, long sequenceNr, INetworkEvent happened) => new(
        persistenceId, sequenceNr, DateTime.UnixEpoch.Ticks, NetworkEvents.Manifests.Encode(happened), 100,
        NetworkEvents.Manifests.ByType(happened.GetType()).Name, "before", happened.CommandId);
}

using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Registry;
using Mesh.Actors.Sessions;
using Mesh.Controller.Journal;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Controller.Journal;
using Microsoft.Data.Sqlite;

namespace Mesh.Tests.Controller.Enrollment;

/// <summary>
/// Joins a machine on SQLite, cuts the journal behind every one of its writes as a stop there would have left it, starts a controller
/// on what is left, and lets the machine and another one try again.
/// </summary>
public sealed class StopBehindEveryWriteTests
{
    readonly ManualClock _clock = new();
    readonly SeededEntropy _entropy = new(7);

    [Fact]
    public async Task Nothing_is_lost_and_nothing_is_given_twice()
    {
        using var whole = new TempJournal();
        var root = new SigningPrivateKey(_entropy);
        var network = TypedId.Create<NetworkId>(_entropy);
        var signer = new TestSigner(network, root, _clock.Now, _entropy);
        var (first, second) = (new Machine(_entropy, "laptop"), new Machine(_entropy, "laptop"));
        CredentialString credential;
        await using (var running = await Running.StartAsync(whole.Path, signer, _clock, _entropy))
        {
            var controller = running.Controller;
            Assert.True((await controller.InitializeAsync(new NetworkGenesis(network, Ed25519.ComputePublicKey(root)), By("system"))).IsDone);
            Assert.True((await controller.DelegateAsync(signer.Controller, signer.Delegation, signer.Authority, ["controller.test:8443"], By("system"))).IsDone);
            Assert.True((await controller.CreateUserAsync("alice", By("admin:root"))).IsDone);
            credential = (await controller.CreateCredentialAsync(new CredentialRequest("alice", []), By("admin:root"))).Value!.Text;
            Assert.True((await controller.EnrollAsync(first.Request(credential, _clock.Now))).Result.IsDone);
        }
        var manifests = Query(whole.Path, "SELECT manifest FROM journal ORDER BY ordering");
        Assert.Equal(["allocation.reserved.v1", "credential.used.v1", "node.registered.v1"], manifests[^3..]);

        for (var kept = manifests.Count - 3; kept <= manifests.Count; kept++)
        {
            foreach (var order in (Machine[][])[[first, second], [second, first]])
            {
                using var cut = new TempJournal();
                File.Copy(whole.Path, cut.Path);
                Query(cut.Path, $"DELETE FROM journal WHERE ordering > {kept}");
                await using var running = await Running.StartAsync(cut.Path, signer, _clock, _entropy);
                // Behind the commit it is decided who is in; before it, whoever comes first.
                var winner = kept > manifests.Count - 2 ? first : order[0];
                foreach (var machine in order)
                {
                    var outcome = await running.Controller.EnrollAsync(machine.Request(credential, _clock.Now));
                    Assert.Equal(machine == winner ? null : RefusalCodes.Used, outcome.Result.Refusal?.Code);
                }
                var node = Assert.Single(running.Controller.Queries.Nodes).Node;
                Assert.Equal(("laptop", "100.64.0.1", winner.Identity), (node.Name, node.Node.Ipv4, node.Node.SigningKey));
                var next = (await running.Controller.CreateCredentialAsync(new CredentialRequest("alice", []), By("admin:root"))).Value!.Text;
                var later = (await running.Controller.EnrollAsync(new Machine(_entropy, "laptop").Request(next, _clock.Now))).Result.Value!;
                Assert.Equal(("laptop-1", "100.64.0.2"), (later.Node.Name, later.Node.Node.Ipv4));
            }
        }
    }

    Cause By(string who) => Cause.Of(who, _entropy);

    static List<string> Query(string path, string sql)
    {
        SQLitePCL.Batteries_V2.Init();
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
            rows.Add(reader.GetString(0));
        return rows;
    }

    sealed class Running : IAsyncDisposable
    {
        readonly JournalDatabase _database;
        readonly IDisposable _offer;
        readonly ActorSystem _system;

        Running(string path)
        {
            var name = $"stop-{Guid.NewGuid():N}";
            _database = SqliteJournal.Open(path);
            _offer = SqlJournal.Offer(name, _database, new JsonEventSerializer(NetworkEvents.Manifests));
            _system = ActorSystem.Create(name, ConfigurationFactory.ParseString($$"""
                akka { stdout-loglevel = OFF, log-dead-letters = off }
                akka.persistence.journal {
                  plugin = akka.persistence.journal.sql
                  sql { class = "Mesh.Controller.Journal.SqlJournal, mesh-controller", database = "{{name}}" }
                }
                """));
        }

        public ControllerSystem Controller { get; private set; } = null!;

        public static async Task<Running> StartAsync(string path, TestSigner signer, ManualClock clock, SeededEntropy entropy)
        {
            var running = new Running(path);
            running.Controller = await ControllerSystem.StartAsync(
                running._system, running._database, signer, clock, entropy, new PresenceTable(), new ControllerOptions());
            return running;
        }

        public async ValueTask DisposeAsync()
        {
            await Controller.DisposeAsync();
            await _system.Terminate();
            _offer.Dispose();
            _database.Dispose();
        }
    }
}

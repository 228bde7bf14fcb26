using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Actors.Sessions;
using Mesh.Controller.Journal;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Registry;
using Mesh.Tests.Controller.Journal;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>Runs several controllers in this process on one journal, each with its own connections, actors and tail, as several programs would.</summary>
sealed class SeveralControllers : IAsyncDisposable
{
    readonly ITempPlace _place;
    readonly List<OneController> _controllers = [];

    SeveralControllers(ITempPlace place, int seed)
    {
        _place = place;
        Entropy = new SeededEntropy(seed);
        Root = new SigningPrivateKey(Entropy);
        Network = TypedId.Create<NetworkId>(Entropy);
    }

    public ManualClock Clock { get; } = new();

    public IEntropy Entropy { get; }

    public SigningPrivateKey Root { get; }

    public NetworkId Network { get; }

    public ControllerSystem this[int number] => _controllers[number % _controllers.Count].System;

    /// <summary>Gets where the journal is.</summary>
    public string Place => _place.Place;

    /// <summary>Gets what ends when a controller is killed: whoever asked it has no answer then.</summary>
    public CancellationToken Life(int number) => _controllers[number % _controllers.Count].Life.Token;

    /// <summary>Sets a controller's clock so far off the others'.</summary>
    public void Skew(int number, TimeSpan offset) => _controllers[number % _controllers.Count].Clock.Offset = offset;

    /// <summary>Ends a controller without asking any part of it, and starts it again on what the journal holds.</summary>
    public async Task KillAsync(int number)
    {
        var dead = _controllers[number];
        await dead.KillAsync();
        while (true)
        {
            var next = new OneController(this, true, dead.Signer);
            try
            {
                using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
                await next.StartAsync(patience.Token);
                _controllers[number] = next;
                return;
            }
            catch (JournalException)
            {
                // The database has cut it off already; it is started once more, as by a service manager.
                await next.KillAsync();
            }
        }
    }

    /// <summary>Starts them, and the network on the empty journal.</summary>
    /// <param name="place">Where the journal is; removed on dispose.</param>
    /// <param name="count">How many.</param>
    /// <param name="snapshots">Whether entities start from the projection, as in the program.</param>
    /// <param name="prepare">Fills the journal before the controllers start, behind the network's own events.</param>
    public static async Task<SeveralControllers> StartAsync(
        ITempPlace place, int count = 3, bool snapshots = true, Func<SeveralControllers, JournalDatabase, Task>? prepare = null)
    {
        var all = new SeveralControllers(place, 5);
        await all.AddAsync(snapshots);
        var genesis = new NetworkGenesis(all.Network, Ed25519.ComputePublicKey(all.Root), Ipv6: "fd12:3456:789a::/48");
        Assert.True((await all[0].InitializeAsync(genesis, all.By("system"))).IsDone);
        var signer = all._controllers[0].Signer;
        Assert.True((await all[0].DelegateAsync(signer.Controller, signer.Delegation, signer.Authority, ["controller.test:8443"], all.By("system"))).IsDone);
        if (prepare is not null)
        {
            using var journal = place.Open();
            await prepare(all, journal);
        }
        while (all._controllers.Count < count)
            await all.AddAsync(snapshots);
        await all.SettleAsync();
        return all;
    }

    public Cause By(string who) => Cause.Of(who, Entropy);

    /// <summary>Creates a credential for a tagged machine, and waits until every controller knows it.</summary>
    public async Task<CredentialString> CredentialAsync(int at = 0)
    {
        var issued = await this[at].CreateCredentialAsync(new CredentialRequest(null, ["server"]), By("admin:root"));
        Assert.True(issued.IsDone, issued.Refusal?.Message);
        return issued.Value.Text;
    }

    public Task<EnrollOutcome> EnrollAsync(int at, Machine machine, CredentialString credential) =>
        Task.Run(() => this[at].EnrollAsync(machine.Request(credential, Clock.Now)));

    /// <summary>Waits until every controller's projection holds all that the journal holds.</summary>
    public async Task SettleAsync()
    {
        var highest = (await JournalAsync())[^1].Ordering;
        foreach (var one in _controllers)
            await one.System.Queries.SeesAsync(view => view.Revision >= highest);
    }

    /// <summary>Reads the whole journal.</summary>
    public async Task<IReadOnlyList<JournalEvent>> JournalAsync() => await _controllers[0].Journal.ReadAsync(0, int.MaxValue, default);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _controllers)
            await one.StopAsync();
        _place.Dispose();
    }

    async Task AddAsync(bool snapshots)
    {
        var one = new OneController(this, snapshots, new TestSigner(Network, Root, Clock.Now, Entropy));
        _controllers.Add(one);
        await one.StartAsync(default);
    }

    sealed class OneController
    {
        readonly IDisposable _offer;
        readonly SeveralControllers _all;

        public OneController(SeveralControllers all, bool snapshots, TestSigner signer)
        {
            var name = $"cluster-{Guid.NewGuid():N}";
            (_all, Journal, Signer, Clock) = (all, all._place.Open(), signer, new SkewedClock(all.Clock));
            _offer = SqlJournal.Offer(name, Journal, new JsonEventSerializer(NetworkEvents.Manifests));
            Actors = ActorSystem.Create(name, Mesh.Actors.Configuration.DefaultConfiguration.ForActors(ConfigurationFactory.ParseString($$"""
                akka {
                  stdout-loglevel = OFF, loglevel = ERROR, log-dead-letters = off
                  persistence.journal.sql.database = "{{name}}"
                  {{(snapshots ? "" : "persistence.snapshot-store.plugin = \"\"")}}
                }
                """)));
        }

        public JournalDatabase Journal { get; }

        public TestSigner Signer { get; }

        public SkewedClock Clock { get; }

        public ActorSystem Actors { get; }

        public CancellationTokenSource Life { get; } = new();

        public ControllerSystem System { get; private set; } = null!;

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            // A file tells nobody of what another program wrote into it.
            var options = new ControllerOptions { TailInterval = TimeSpan.FromMilliseconds(20) };
            System = await ControllerSystem.StartAsync(
                Actors, Journal, Signer, Clock, _all.Entropy, new PresenceTable(), options, cancellationToken: cancellationToken);
        }

        public async Task StopAsync()
        {
            await System.DisposeAsync();
            await KillAsync();
        }

        public async Task KillAsync()
        {
            await Life.CancelAsync();
            await Actors.Terminate();
            _offer.Dispose();
            Journal.Dispose();
        }
    }
}

/// <summary>Goes beside another clock at a distance that the test sets.</summary>
sealed class SkewedClock(IClock clock) : IClock
{
    public TimeSpan Offset { get; set; }

    public WallTime Now => clock.Now + Offset;
}

static class QueriesExtensions
{
    public static async Task SeesAsync(this NetworkQueries queries, Func<Mesh.Actors.Projection.NetworkView, bool> condition)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(10);
        while (!condition(queries.View))
        {
            Assert.True(DateTime.UtcNow < deadline, "not in time");
            await Task.Delay(5);
        }
    }
}

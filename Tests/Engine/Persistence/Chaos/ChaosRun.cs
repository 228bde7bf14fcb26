using System.Globalization;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>
/// One run from a seed: entities under several kinds of supervisors, two clients for each, chaos until all commands have ended, then
/// calm; everyone takes commands again; new incarnations recover; the journal is read; the checker judges.
/// </summary>
internal sealed class ChaosRun(ChaosWorld world, ChaosStage stage)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(500);

    private IReadOnlyList<string> Entities { get; } =
        [.. Enumerable.Range(0, stage.Entities).Select(i => string.Create(CultureInfo.InvariantCulture, $"e{i}"))];

    public static async Task<IReadOnlyList<Violation>> PlayAsync(ChaosWorld world, ChaosStage stage)
    {
        var run = new ChaosRun(world, stage);
        var system = run.Start();
        try
        {
            await run.PlayAsync(system);
            await run.ReadAsync(system);
        }
        finally
        {
            await system.Terminate();
        }

        return run.Judge();
    }

    public ActorSystem Start() => ActorSystem.Create("chaos", stage.Configuration(world));

    /// <summary>Chaos, then calm; at the end all entities have stopped.</summary>
    public async Task PlayAsync(ActorSystem system)
    {
        var fronts = StartFronts(system);
        await Task.WhenAll(Entities.SelectMany(entity => new[]
        {
            RunClientAsync(system, fronts[entity], entity, isCareful: true),
            RunClientAsync(system, fronts[entity], entity, isCareful: false),
        }));
        world.BecomeCalm();
        await Task.WhenAll(Entities.Select(entity => StoreLastAsync(fronts[entity], entity)));
        foreach (var front in fronts.Values.Distinct())
            await front.GracefulStop(Patience);
    }

    /// <summary>A new incarnation of each entity recovers, and the journal is read beside it.</summary>
    public async Task ReadAsync(ActorSystem system)
    {
        world.BecomeCalm();
        foreach (var entity in Entities)
        {
            await RecoverAsync(system, entity);
            foreach (var stored in await ReadJournalAsync(system, entity))
                world.History.Add(stored);
        }
    }

    public IReadOnlyList<Violation> Judge() => HistoryChecker.Check(world.History.Entries);

    private Dictionary<string, IActorRef> StartFronts(ActorSystem system)
    {
        var fronts = new Dictionary<string, IActorRef>(StringComparer.Ordinal);
        var kinds = Entities.Select((entity, i) => (entity, i)).ToLookup(each => each.i % 3, each => each.entity);
        foreach (var entity in kinds[0])
        {
            var (id, shared) = (entity, world);
            var child = Props.Create(() => new ChaosEntity(id, shared));
            fronts[entity] = system.ActorOf(BackoffSupervisor.Props(Backoff
                .OnStop(child, id, TimeSpan.FromMilliseconds(4), TimeSpan.FromMilliseconds(30), 0.2)
                .WithSupervisorStrategy(new OneForOneStrategy(new ChaosSupervision(world).Decide))));
        }

        for (var kind = 1; kind <= 2; kind++)
        {
            var (kept, isAllForOne, shared) = ((IReadOnlyList<string>)[.. kinds[kind]], kind == 2, world);
            if (kept.Count == 0)
                continue;
            var keeper = system.ActorOf(Props.Create(() => new ChaosKeeper(shared, kept, isAllForOne)));
            foreach (var entity in kept)
                fronts[entity] = keeper;
        }

        return fronts;
    }

    private async Task RunClientAsync(ActorSystem system, IActorRef front, string entity, bool isCareful)
    {
        var name = $"{entity}/{(isCareful ? "careful" : "reckless")}";
        var script = ChaosScript.Draw(world.Seed, entity, name, isCareful, stage.Commands, world.Odds);
        var shared = world;
        var client = system.ActorOf(Props.Create(() => new ChaosClient(name, front, script, shared)));
        try
        {
            await client.Ask<BeginChaos>(BeginChaos.Instance, Patience);
        }
        catch (AskTimeoutException late)
        {
            throw new StuckException(entity, $"{name} comes to no end", late);
        }
    }

    /// <summary>Once the world is calm every entity takes commands again, whatever befell it.</summary>
    private async Task StoreLastAsync(IActorRef front, string entity)
    {
        var last = new ChaosCommand(entity, $"{entity}/last", 1, ChaosShape.One) { IsCareful = true, TakesBack = true };
        world.Figures.Command();
        await RetryAsync(entity, "takes no more commands", async () =>
        {
            world.History.Add(new Sent(entity, last.Client, last.Id));
            if (await front.Ask<ChaosReply>(last, Moment) is not StoredReply stored)
                return false;
            world.History.Add(new Acknowledged(entity, last.Client, last.Id, stored.Token, stored.SequenceNr, stored.Again));
            world.Figures.CommandAcknowledged();
            return true;
        });
    }

    private async Task RecoverAsync(ActorSystem system, string entity)
    {
        var (id, shared) = (entity, world);
        await RetryAsync(entity, "does not recover", async () =>
        {
            var fresh = system.ActorOf(Props.Create(() => new ChaosEntity(id, shared)));
            await fresh.Ask<AreYouThere>(new AreYouThere(entity), Moment * 4);
            return await fresh.GracefulStop(Patience);
        });
    }

    private async Task<IReadOnlyList<Stored>> ReadJournalAsync(ActorSystem system, string entity)
    {
        IReadOnlyList<Stored> events = [];
        var journal = PersistenceProvider.Instance.Apply(system).JournalFor("chaos.gate");
        await RetryAsync(entity, "cannot be read from the journal", async () =>
        {
            var reader = system.ActorOf(Props.Create(() => new Reader(journal, entity)));
            events = await reader.Ask<IReadOnlyList<Stored>>(Reader.Read, Moment * 4);
            return true;
        });
        return events;
    }

    /// <summary>A circuit that is still open, or a machine that is busy, is no failure of the run.</summary>
    private static async Task RetryAsync(string entity, string otherwise, Func<Task<bool>> attempt)
    {
        var due = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (Environment.TickCount64 < due)
        {
            try
            {
                if (await attempt())
                    return;
            }
            catch (AskTimeoutException)
            {
                await Task.Yield();
            }
            catch (ChaosException)
            {
                await Task.Delay(10);
            }
        }

        throw new StuckException(entity, $"{entity} {otherwise}");
    }

    private sealed class Reader : ReceiveActor
    {
        public const string Read = "read";

        private readonly List<Stored> _events = [];
        private IActorRef _asker = ActorRefs.Nobody;

        public Reader(IActorRef journal, string entity)
        {
            Receive<string>(_ =>
            {
                _asker = Sender;
                journal.Tell(new ReplayMessages(1, long.MaxValue, long.MaxValue, entity, Self), Self);
            });
            Receive<ReplayedMessage>(replayed => _events.Add(
                new Stored(entity, replayed.Persistent.SequenceNr, (ChaosEvent)replayed.Persistent.Payload)));
            Receive<RecoverySuccess>(_ => End(_events));
            Receive<ReplayMessagesFailure>(failure => End(new Status.Failure(new ChaosException(failure.Cause.Message))));
        }

        private void End(object answer)
        {
            _asker.Tell(answer);
            Context.Stop(Self);
        }
    }
}

/// <summary>An entity does not go on, however long one waits.</summary>
internal sealed class StuckException(string entity, string what, Exception? cause = null) : Exception(what, cause)
{
    public string Entity { get; } = entity;
}

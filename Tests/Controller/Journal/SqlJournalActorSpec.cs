using Mesh.Actors.Persistence;
using Mesh.Controller.Journal;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Journal;

/// <summary>Persistent actors over a database of the journal.</summary>
public abstract class SqlJournalActorSpec
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [SpecFact]
    public async Task Two_SQL_writers_on_one_persistence_id_exactly_one_survives()
    {
        using var file = NewPlace();
        await using var one = Writer.Open(file.Place, "one");
        await using var two = Writer.Open(file.Place, "two");
        for (var round = 1; round <= 20; round++)
        {
            var id = $"credential-{round}";
            IActorRef[] racers = [one.Start(id), two.Start(id)];

            // Both have recovered the same empty past before either decides.
            foreach (var racer in racers)
                Assert.Equal("", await racer.Ask<string>("history", Patience));
            var ends = racers.Select(racer => racer.WatchAsync()).ToArray();
            var outcomes = await Task.WhenAll(
                racers[0].Ask<object>(new CausedEvent($"c1-{round}", 1), Patience),
                racers[1].Ask<object>(new CausedEvent($"c2-{round}", 1), Patience));

            var winner = Assert.IsType<CausedEvent>(Assert.Single(outcomes, outcome => outcome is CausedEvent));
            var failure = Assert.IsType<Status.Failure>(Assert.Single(outcomes, outcome => outcome is Status.Failure));
            Assert.Equal($"another writer was first at {id}", Assert.IsType<JournalConflictException>(failure.Cause).Message);

            // The loser has stopped; recovered, it finds by the command id that another was first. The winner goes on.
            var loser = outcomes[0] is CausedEvent ? 1 : 0;
            Assert.True(await ends[loser].WaitAsync(Patience));
            Assert.Equal(winner.CommandId, await (loser == 0 ? one : two).Start(id).Ask<string>("history", Patience));
            await racers[1 - loser].Ask<CausedEvent>(new CausedEvent("next", 2), Patience);
        }

        Assert.Equal(40, (await one.Database.ReadAsync(0, 100, default)).Count);
    }

    [SpecFact]
    public async Task A_fenced_entity_comes_back_under_back_off_and_knows_who_was_first()
    {
        using var file = NewPlace();
        await using var ours = Writer.Open(file.Place, "ours");
        await using var theirs = Writer.Open(file.Place, "theirs");
        var supervised = ours.StartUnderBackoff("entity");
        Assert.Equal("", await supervised.Ask<string>("history", Patience));
        await theirs.Start("entity").Ask<CausedEvent>(new CausedEvent("theirs", 1), Patience);

        var lost = Assert.IsType<Status.Failure>(await supervised.Ask<object>(new CausedEvent("ours", 1), Patience));
        Assert.IsType<JournalConflictException>(lost.Cause);

        // While nobody is there to answer, what is sent is lost, as it would be for any caller: ask again.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Assert.Equal("theirs", await supervised.Ask<string>("history", TimeSpan.FromMilliseconds(300)));
                break;
            }
            catch (AskTimeoutException) when (attempt < 50)
            {
            }
        }

        await supervised.Ask<CausedEvent>(new CausedEvent("ours again", 1), Patience);
        Assert.Equal("theirs ours again", await supervised.Ask<string>("history", Patience));
    }

    [SpecFact]
    public async Task A_fenced_writer_stops_only_itself()
    {
        using var file = NewPlace();
        await using var ours = Writer.Open(file.Place, "ours");
        var fenced = ours.Start("fenced");
        Assert.Equal("", await fenced.Ask<string>("history", Patience));
        using (var theirs = file.Open())
            await theirs.AppendAsync([TempJournal.Row("fenced", 1)]);

        var others = Enumerable.Range(0, 200).Select(i => ours.Start($"other-{i}")).ToList();
        var answers = others.Select(other => other.Ask<object>(new CausedEvent("c", 1), Patience)).ToList();
        var lost = await fenced.Ask<object>(new CausedEvent("lost", 1), Patience);
        Assert.IsType<JournalConflictException>(Assert.IsType<Status.Failure>(lost).Cause);
        Assert.All(await Task.WhenAll(answers), answer => Assert.IsType<CausedEvent>(answer));
    }

    [SpecFact]
    public async Task Command_ids_and_manifests_stand_beside_the_events()
    {
        using var file = NewPlace();
        await using var writer = Writer.Open(file.Place, "writer");
        var entity = writer.Start("entity");
        await entity.Ask<CausedEvent>(new CausedEvent("command-1", 7), Patience);
        await entity.Ask<TckEvent>(new TckEvent("without"), Patience);
        var events = await writer.Database.ReadAsync(0, 10, default);
        Assert.Equal([("test.caused.v1", "command-1"), ("test.tck.v1", null)], events.Select(e => (e.Manifest, e.CommandId)));
        Assert.Equal("""{"CommandId":"command-1","Amount":7}""", System.Text.Encoding.UTF8.GetString(events[0].Payload.Span));
        Assert.InRange(
            events[0].CreatedMs, DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeMilliseconds(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
    }

    [SpecFact]
    public async Task What_is_not_registered_is_rejected_and_the_entity_goes_on()
    {
        using var file = NewPlace();
        await using var writer = Writer.Open(file.Place, "writer");
        var entity = writer.Start("entity");
        var rejection = Assert.IsType<Status.Failure>(await entity.Ask<object>(new UnknownTckEvent(), Patience));
        Assert.IsType<UnknownEventException>(rejection.Cause);
        await entity.Ask<CausedEvent>(new CausedEvent("c", 1), Patience);
        Assert.Equal("c", await entity.Ask<string>("history", Patience));
    }

    [SpecFact]
    public async Task The_number_of_a_rejected_event_is_no_other_writers()
    {
        using var file = NewPlace();
        await using var ours = Writer.Open(file.Place, "ours");
        await using var theirs = Writer.Open(file.Place, "theirs");
        var (first, second) = (ours.Start("entity"), theirs.Start("entity"));
        Assert.Equal(("", ""), (await first.Ask<string>("history", Patience), await second.Ask<string>("history", Patience)));
        var rejection = Assert.IsType<Status.Failure>(await first.Ask<object>(new UnknownTckEvent(), Patience));
        Assert.IsType<UnknownEventException>(rejection.Cause);

        // Under a free number this one would be stored, and the first would go on behind it without having seen it.
        var late = Assert.IsType<Status.Failure>(await second.Ask<object>(new CausedEvent("late", 1), Patience));
        Assert.IsType<JournalConflictException>(late.Cause);
        await first.Ask<CausedEvent>(new CausedEvent("c", 1), Patience);
        Assert.Equal("c", await theirs.Start("entity").Ask<string>("history", Patience));
        Assert.Equal([2L], (await ours.Database.ReadAsync(0, 10, default)).Select(e => e.SequenceNr));
    }

    [SpecFact]
    public async Task An_event_that_this_version_does_not_know_stops_recovery()
    {
        using var file = NewPlace();
        await using var writer = Writer.Open(file.Place, "writer");
        await writer.Database.AppendAsync([TempJournal.Row("entity", 1) with { Manifest = "test.future.v9" }]);
        var entity = writer.Start("entity");
        Assert.True(await entity.WatchAsync().WaitAsync(Patience));
    }

    [SpecFact]
    public async Task Events_survive_the_end_of_the_system_in_order()
    {
        using var file = NewPlace();
        await using (var writer = Writer.Open(file.Place, "first"))
        {
            var entity = writer.Start("entity");
            for (var i = 0; i < 100; i++)
                await entity.Ask<CausedEvent>(new CausedEvent($"c{i}", i), Patience);
        }

        await using var reopened = Writer.Open(file.Place, "second");
        Assert.Equal(string.Join(' ', Enumerable.Range(0, 100).Select(i => $"c{i}")), await reopened.Start("entity").Ask<string>("history", Patience));
    }

    [SpecFact]
    public async Task A_database_that_nobody_opened_is_named()
    {
        using var kit = new TestKit("""
            akka.stdout-loglevel = OFF
            akka.persistence.journal {
              plugin = akka.persistence.journal.sql
              sql { class = "Mesh.Controller.Journal.SqlJournal, mesh-controller", database = absent }
            }
            """);
        var log = kit.CreateTestProbe();
        kit.Sys.EventStream.Subscribe(log.Ref, typeof(LogEvent));
        kit.Sys.ActorOf(Props.Create(() => new Historian("entity")));
        await log.FishForMessageAsync<LogEvent>(entry =>
            entry.ToString().Contains("no journal database is open under the name \"absent\"", StringComparison.Ordinal));
    }

    private protected abstract ITempPlace NewPlace();

    /// <summary>A controller as far as the journal goes: a system, a database of its own on a shared file.</summary>
    private sealed class Writer : IAsyncDisposable
    {
        private readonly IDisposable _offer;
        private readonly ActorSystem _system;

        private Writer(JournalDatabase database, IDisposable offer, ActorSystem system)
        {
            Database = database;
            _offer = offer;
            _system = system;
        }

        public JournalDatabase Database { get; }

        public static Writer Open(string path, string systemName)
        {
            var name = $"{systemName}-{Guid.NewGuid():N}";
            var database = JournalDatabase.Open(path);
            var offer = SqlJournal.Offer(name, database, new JsonEventSerializer(OfferedJournal.Manifests));
            var system = ActorSystem.Create(systemName, $$"""
                akka.stdout-loglevel = OFF
                akka.persistence.journal {
                  plugin = akka.persistence.journal.sql
                  sql {
                    class = "Mesh.Controller.Journal.SqlJournal, mesh-controller"
                    database = "{{name}}"
                    circuit-breaker.max-failures = 100
                  }
                }
                """);
            return new Writer(database, offer, system);
        }

        public IActorRef Start(string id) => _system.ActorOf(Props.Create(() => new Historian(id)));

        public IActorRef StartUnderBackoff(string id)
        {
            var child = Props.Create(() => new Historian(id));
            return _system.ActorOf(BackoffSupervisor.Props(
                Backoff.OnStop(child, "child", TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(1), 0.2)));
        }

        public async ValueTask DisposeAsync()
        {
            await _system.Terminate();
            _offer.Dispose();
            Database.Dispose();
        }
    }

    /// <summary>Persists whatever it is sent and answers with it, or with what went wrong.</summary>
    private sealed class Historian : ReceivePersistentActor
    {
        private readonly List<string> _commands = [];

        public Historian(string id)
        {
            PersistenceId = id;
            Recover<CausedEvent>(e => _commands.Add(e.CommandId));
            Recover<TckEvent>(_ => { });
            Command<string>(text => text == "history", _ => Sender.Tell(string.Join(' ', _commands)));
            CommandAny(command => Persist(command, stored =>
            {
                if (stored is CausedEvent caused)
                    _commands.Add(caused.CommandId);
                Sender.Tell(stored);
            }));
        }

        public override string PersistenceId { get; }

        protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr) => Sender.Tell(new Status.Failure(cause));

        protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr) => Sender.Tell(new Status.Failure(cause));
    }
}

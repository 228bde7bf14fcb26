using System.Collections.Concurrent;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>A memory journal whose replays wait, event by event and before their end, for a word of the test.</summary>
public sealed class GatedReplayJournal(Config config) : MemoryJournal
{
    public static readonly ConcurrentDictionary<string, IActorRef> Watchers = new();

    private readonly IActorRef _watcher = Watchers[config.GetString("watcher")!];

    public override async Task ReplayMessagesAsync(
        IActorContext context,
        string persistenceId,
        long fromSequenceNr,
        long toSequenceNr,
        long max,
        Action<IPersistentRepresentation> recoveryCallback)
    {
        var events = new List<IPersistentRepresentation>();
        await base.ReplayMessagesAsync(context, persistenceId, fromSequenceNr, toSequenceNr, max, events.Add);
        var gate = new SemaphoreSlim(0);
        _watcher.Tell(gate, ActorRefs.NoSender);
        foreach (var each in events)
        {
            await gate.WaitAsync();
            recoveryCallback(each);
        }

        await gate.WaitAsync();
    }
}

/// <summary>An actor restarted in the middle of its recovery, by the failure of a sibling say, recovers all and nothing twice.</summary>
public sealed class RestartInRecoverySpec : TestKit
{
    private static readonly string[] Events = ["a", "b", "c"];

    private readonly TestProbe _replays;

    public RestartInRecoverySpec()
        : this(Guid.NewGuid().ToString())
    {
    }

    private RestartInRecoverySpec(string key)
        : base($$"""
            akka.persistence.journal {
              plugin = akka.persistence.journal.gated-replay
              gated-replay {
                class = "Mesh.Tests.Engine.Persistence.Chaos.GatedReplayJournal, Mesh.Tests.Engine"
                watcher = "{{key}}"
              }
            }
            """)
    {
        _replays = CreateTestProbe();
        GatedReplayJournal.Watchers[key] = _replays.Ref;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task The_replay_to_the_instance_before_is_not_taken_for_its_own(int seenBefore)
    {
        await StoreAsync();
        var entity = await StartAsync();
        var first = await _replays.ExpectMsgAsync<SemaphoreSlim>();
        for (var i = 0; i < seenBefore; i++)
        {
            first.Release();
            await ExpectMsgAsync(Events[i]);
        }

        entity.Tell(Kill.Instance);
        var second = await _replays.ExpectMsgAsync<SemaphoreSlim>();
        first.Release(Events.Length + 1);
        await ExpectNoMsgAsync(TimeSpan.FromMilliseconds(60));
        second.Release(Events.Length + 1);
        foreach (var each in Events)
            await ExpectMsgAsync(each);
        await ExpectMsgAsync("recovered up to 3");

        // And none of it ends up as a command.
        entity.Tell("d", TestActor);
        await ExpectMsgAsync("command d");
    }

    private async Task StoreAsync()
    {
        var writer = Sys.ActorOf(Entity.Of(
            "entity", (e, message) => e.PersistAll(((string[])message).Select(each => new Evt(each)), evt => e.Reply(evt.Data))));
        writer.Tell(Events, TestActor);
        foreach (var each in Events)
            await ExpectMsgAsync(each);
        await WatchAsync(writer);
        Sys.Stop(writer);
        await ExpectTerminatedAsync(writer);
    }

    private async Task<IActorRef> StartAsync()
    {
        var (monitor, answer) = (TestActor, CreateTestProbe());
        Sys.ActorOf(Props.Create(() => new Parent(monitor))).Tell("child", answer.Ref);
        return await answer.ExpectMsgAsync<IActorRef>();
    }

    private sealed class Parent : ReceiveActor
    {
        public Parent(IActorRef monitor) => ReceiveAny(_ => Sender.Tell(Context.ActorOf(Entity.Of("entity", new Entity.Script
        {
            Command = (_, message) => monitor.Tell($"command {message}"),
            Recover = (e, message) =>
            {
                monitor.Tell(message is Evt evt ? evt.Data : $"recovered up to {e.LastSequenceNr}");
                return true;
            },
        }))));

        protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Restart);
    }
}

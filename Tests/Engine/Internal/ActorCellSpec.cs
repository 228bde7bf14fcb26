using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Tests.Engine;

/// <summary>What a cell holds on to, and in which order it takes what is queued.</summary>
public sealed class ActorCellSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Cell_should_clear_current_message_after_receive()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Sender.Tell("done"))));
        Assert.Equal("done", await actor.Ask<string>("work", Patience));
        await AwaitAssertAsync(() => Assert.Null(Cell(actor).CurrentMessage));
    }

    [Fact]
    public async Task Cell_should_clear_current_message_after_async_receive()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(async _ =>
        {
            await Task.Delay(1);
            Assert.Equal("work", Cell(script.Self).CurrentMessage);
            script.Sender.Tell("done");
        })));
        Assert.Equal("done", await actor.Ask<string>("work", Patience));
        await AwaitAssertAsync(() => Assert.Null(Cell(actor).CurrentMessage));
    }

    [Fact]
    public async Task A_LocalActorRefs_ActorCell_must_not_retain_its_original_Props_when_Terminated()
    {
        var props = Scripted.Props(_ => { });
        var actor = Sys.ActorOf(props);
        Assert.Same(props, Cell(actor).Props);
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        await AwaitAssertAsync(() =>
        {
            Assert.NotSame(props, Cell(actor).Props);
            Assert.Null(Cell(actor).Actor);
            Assert.Null(Cell(actor).CurrentMessage);
        });
    }

    [Fact]
    public async Task A_failure_of_an_earlier_incarnation_of_a_child_is_dropped()
    {
        var decided = 0;
        var supervisor = Sys.ActorOf(Supervisor.Deciding(_ =>
        {
            Interlocked.Increment(ref decided);
            return Directive.Stop;
        }));
        var child = await supervisor.Ask<IActorRef>(new NamedProps(Props.Empty, "child"), Patience);
        var failed = new Failed((IInternalActorRef)child, new ExpectedException("stale"), child.Path.Uid + 1_000_000);
        await EventFilter.Debug(start: "Dropping Failed(stale)").ExpectOneAsync(() =>
        {
            ((IInternalActorRef)supervisor).SendSystemMessage(failed);
            return Task.CompletedTask;
        });
        await child.Ask<ActorIdentity>(new Identify(1), Patience);
        Assert.Equal(0, decided);
    }

    [Fact]
    public async Task A_turn_takes_thirty_messages_and_system_messages_after_each()
    {
        var turns = new Turns();
        var system = Start(turns);
        var taken = new List<string>();
        var actor = system.ActorOf(Scripted.Props(script =>
        {
            script.On<int>(number =>
            {
                taken.Add($"{number}");
                if (number == 33)
                    script.Context.Stop(script.Self);
            });
            script.OnPostStop = () => taken.Add("stopped");
        }));
        turns.RunAll();
        for (var number = 0; number < 40; number++)
            actor.Tell(number, ActorRefs.NoSender);
        turns.RunOne(actor);
        Assert.Equal(Enumerable.Range(0, 30).Select(number => $"{number}"), taken);
        turns.RunOne(actor);
        Assert.Equal(["30", "31", "32", "33", "stopped"], taken[30..]);
        await EndAsync(system, turns);
    }

    [Fact]
    public async Task A_turn_takes_system_messages_before_the_first_message()
    {
        var turns = new Turns();
        var system = Start(turns);
        var taken = new List<object>();
        var actor = system.ActorOf(Scripted.Props(script =>
        {
            script.OnPostStop = () => taken.Add("stopped");
            script.OnAny(taken.Add);
        }));
        turns.RunAll();
        actor.Tell("first", ActorRefs.NoSender);
        system.Stop(actor);
        turns.RunOne(actor);
        Assert.Equal(["stopped"], taken);
        await EndAsync(system, turns);
    }

    static ActorSystemImpl Start(Turns turns)
    {
        var system = new ActorSystemImpl("turns", "akka.stdout-loglevel = OFF", dispatcher: turns).Start();
        turns.RunAll();
        return system;
    }

    static async Task EndAsync(ActorSystemImpl system, Turns turns)
    {
        // The shutdown is not an actor and takes its own time.
        var ended = system.Terminate();
        while (!ended.IsCompleted)
        {
            turns.RunAll();
            await Task.Yield();
        }
    }

    static ActorCell Cell(IActorRef actor) => ((LocalActorRef)actor).Cell;

    /// <summary>Runs turns on the test's thread, one when told to.</summary>
    sealed class Turns : Dispatcher
    {
        readonly List<Mailbox> _scheduled = [];

        public override void Schedule(Mailbox mailbox)
        {
            lock (_scheduled)
                _scheduled.Add(mailbox);
        }

        public void RunOne(IActorRef actor) =>
            Take(mailbox => mailbox.Cell.Self.Equals(actor))?.RunTurn();

        public void RunAll()
        {
            while (Take(_ => true) is { } mailbox)
                mailbox.RunTurn();
        }

        Mailbox? Take(Predicate<Mailbox> match)
        {
            lock (_scheduled)
            {
                var index = _scheduled.FindIndex(match);
                if (index < 0)
                    return null;
                var mailbox = _scheduled[index];
                _scheduled.RemoveAt(index);
                return mailbox;
            }
        }
    }
}

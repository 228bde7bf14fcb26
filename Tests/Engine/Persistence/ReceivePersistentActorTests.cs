// The overloads that take a type are what is tested here.
#pragma warning disable CA2263

namespace Mesh.Tests.Engine.Persistence;

public sealed class ReceivePersistentActorTests : TestKit
{
    [Fact]
    public async Task Given_persistent_actor_with_no_receive_command_specified_When_receiving_message_Then_it_should_be_unhandled()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(UnhandledMessage));
        Sys.ActorOf(Props.Create(() => new Empty("p"))).Tell("something");
        Assert.Equal("something", (await ExpectMsgAsync<UnhandledMessage>()).Message);
    }

    [Fact]
    public async Task Given_persistent_actor_with_no_receive_event_specified_When_receiving_message_Then_it_should_be_unhandled()
    {
        await StoreAsync("p", "event");
        Sys.EventStream.Subscribe(TestActor, typeof(UnhandledMessage));
        Sys.ActorOf(Props.Create(() => new Empty("p")));
        Assert.Equal("event", ((IPersistentRepresentation)(await ExpectMsgAsync<UnhandledMessage>()).Message).Payload);
    }

    [Fact]
    public async Task Test_that_persistent_actor_cannot_call_receive_command_or_receive_event_out_of_construction_and_become()
    {
        var actor = Sys.ActorOf(Props.Create(() => new RegistersLate("p")));
        actor.Tell("command", TestActor);
        await ExpectMsgAsync("Handlers of commands can be registered only in the constructor of the actor and within Become.");
        actor.Tell("recover", TestActor);
        await ExpectMsgAsync("Handlers of what is recovered can be registered only in the constructor of the actor.");
    }

    [Fact]
    public async Task Given_a_persistent_actor_which_uses_predicates_When_sending_different_messages_Then_correct_handler_should_be_invoked()
    {
        await StoreAsync("p", 1, 50, "x");
        var actor = Sys.ActorOf(Props.Create(() => new Predicates("p")));
        foreach (var message in (object[])[4, 25, 55, "other", true])
            actor.Tell(message, TestActor);
        actor.Tell("recovered", TestActor);
        foreach (var expected in (string[])["int<5:4", "int<30:25", "any:55", "string:other", "any:True", "small:1,any:50,any:x"])
            await ExpectMsgAsync(expected);
    }

    [Fact]
    public async Task Become_replaces_and_stacks_command_handlers_and_a_restart_reverts()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Becoming("p")));
        foreach (var message in (string[])["hello", "become", "hello", "stack", "hello", "unstack", "hello", "fail", "hello"])
            actor.Tell(message, TestActor);
        foreach (var expected in (string[])["first", "second", "third", "second", "first"])
            await ExpectMsgAsync(expected);
    }

    [Fact]
    public async Task Given_a_persistent_actor_that_uses_non_generic_and_predicates_When_sending_different_messages_Then_correct_handler_should_be_invoked()
    {
        await StoreAsync("p", 1, 7, "x");
        var actor = Sys.ActorOf(Props.Create(() => new NonGeneric("p")));
        foreach (var message in (object[])[4, 7, 12, 15, "text", 1.5])
            actor.Tell(message, TestActor);
        actor.Tell("recovered", TestActor);
        foreach (var expected in (string[])[
            "int<5:4", "int<10:7", "int<15:12", "int:15", "string:text", "any:1.5", "int<5:1, int:7, other:x"])
        {
            await ExpectMsgAsync(expected);
        }
    }

    [Fact]
    public async Task Given_a_persistent_actor_with_ReceiveAnyCommand_When_sending_different_messages_Then_correct_handler_should_be_invoked()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Any("p")));
        actor.Tell(4711, TestActor);
        actor.Tell("hello", TestActor);
        await ExpectMsgAsync("int:4711");
        await ExpectMsgAsync("any:hello");
    }

    [Fact]
    public async Task Given_persistent_actor_that_has_called_Become_at_construction_time_When_it_calls_Unbecome_Then_it_switches_back_command_handler()
    {
        var actor = Sys.ActorOf(Props.Create(() => new BecomingAtOnce("p")));
        foreach (var message in (string[])["hello", "back", "hello", "back", "hello", "back", "hello"])
            actor.Tell(message, TestActor);
        foreach (var expected in (string[])["3:hello", "2:hello", "1:hello", "1:hello"])
            await ExpectMsgAsync(expected);
    }

    [Fact]
    public async Task A_second_handler_after_one_that_takes_everything_is_refused()
    {
        var actor = Sys.ActorOf(Props.Create(() => new TakesEverythingTwice("p")));
        await WatchAsync(actor);
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task Asynchronous_commands_persist_after_an_await_and_no_command_overtakes()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Awaits("p")));
        for (var i = 0; i < 20; i++)
            actor.Tell(i, TestActor);
        for (var i = 0; i < 20; i++)
        {
            await ExpectMsgAsync($"awaited-{i}");
            await ExpectMsgAsync($"stored-{i}");
        }
    }

    [Fact]
    public async Task PersistentActor_with_Timer_must_handle_AutoReceivedMessages_automatically()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Timed("p")));
        await WatchAsync(actor);
        actor.Tell(PoisonPill.Instance, TestActor);
        await ExpectTerminatedAsync(actor);
        var other = Sys.ActorOf(Props.Create(() => new Timed("q")));
        await WatchAsync(other);
        other.Tell("poison", TestActor);
        await ExpectTerminatedAsync(other);
    }

    private async Task StoreAsync(string id, params object[] events)
    {
        var writer = Sys.ActorOf(Entity.Of(id, (e, message) => e.PersistAll((object[])message, evt => e.Reply(evt))));
        writer.Tell(events, TestActor);
        foreach (var each in events)
            await ExpectMsgAsync(each);
        await WatchAsync(writer);
        Sys.Stop(writer);
        await ExpectTerminatedAsync(writer);
    }

    private sealed class Empty(string id) : ReceivePersistentActor
    {
        public override string PersistenceId { get; } = id;
    }

    private sealed class RegistersLate : ReceivePersistentActor
    {
        public RegistersLate(string id)
        {
            PersistenceId = id;
            Command<string>(message =>
            {
                Action late = message == "recover" ? () => Recover<int>(_ => { }) : () => Command<int>(_ => { });
                Sender.Tell(Assert.Throws<InvalidOperationException>(late).Message);
            });
        }

        public override string PersistenceId { get; }
    }

    private sealed class Predicates : ReceivePersistentActor
    {
        private readonly List<string> _recovered = [];

        public Predicates(string id)
        {
            PersistenceId = id;
            Recover<int>(number => number < 5, number => _recovered.Add($"small:{number}"));
            Recover<RecoveryCompleted>(_ => { });
            RecoverAny(other => _recovered.Add($"any:{other}"));
            Command<string>(text => text == "recovered", _ => Sender.Tell(string.Join(',', _recovered)));
            Command<int>(number => Sender.Tell($"int<5:{number}"), number => number < 5);
            Command(typeof(int), number => (int)number < 30, number => Sender.Tell($"int<30:{number}"));
            Command<string>(text =>
            {
                Sender.Tell($"string:{text}");
                return true;
            });
            CommandAny(other => Sender.Tell($"any:{other}"));
        }

        public override string PersistenceId { get; }
    }

    private sealed class NonGeneric : ReceivePersistentActor
    {
        private readonly List<string> _recovered = [];

        public NonGeneric(string id)
        {
            PersistenceId = id;
            Recover(typeof(int), number => (int)number < 5, number => _recovered.Add($"int<5:{number}"));
            Recover(typeof(int), number => _recovered.Add($"int:{number}"), number => (int)number < 10);
            Recover(typeof(RecoveryCompleted), _ => true);
            Recover(typeof(object), other => _recovered.Add($"other:{other}"));
            Command(typeof(int), number => (int)number < 5, number => Sender.Tell($"int<5:{number}"));
            Command(typeof(int), number => Sender.Tell($"int<10:{number}"), number => (int)number < 10);
            Command(typeof(int), number =>
            {
                if ((int)number >= 15)
                    return false;
                Sender.Tell($"int<15:{number}");
                return true;
            });
            Command(typeof(int), number => Sender.Tell($"int:{number}"));
            Command(typeof(string), text => text is "recovered", _ => Sender.Tell(string.Join(", ", _recovered)));
            Command(typeof(string), text => Sender.Tell($"string:{text}"));
            Command(message => Sender.Tell($"any:{message}"));
        }

        public override string PersistenceId { get; }
    }

    private sealed class Any : ReceivePersistentActor
    {
        public Any(string id)
        {
            PersistenceId = id;
            Command<int>(number => Sender.Tell($"int:{number}"));
            CommandAny(message => Sender.Tell($"any:{message}"));
        }

        public override string PersistenceId { get; }
    }

    private sealed class BecomingAtOnce : ReceivePersistentActor
    {
        public BecomingAtOnce(string id)
        {
            PersistenceId = id;
            Register(1);
            BecomeStacked(() => Register(2));
            BecomeStacked(() => Register(3));
        }

        public override string PersistenceId { get; }

        private void Register(int number)
        {
            Command<string>(text => text == "back", _ => UnbecomeStacked());
            Command<string>(text => Sender.Tell($"{number}:{text}"));
        }
    }

    private sealed class Becoming : ReceivePersistentActor
    {
        public Becoming(string id)
        {
            PersistenceId = id;
            Command<string>(text => text == "become", _ => Become(Second));
            Hello("first");
        }

        public override string PersistenceId { get; }

        private void Second()
        {
            Command<string>(text => text == "stack", _ => BecomeStacked(Third));
            Command<string>(text => text == "fail", _ => throw new TestException("fail"));
            Hello("second");
        }

        private void Third()
        {
            Command<string>(text => text == "unstack", _ => UnbecomeStacked());
            Hello("third");
        }

        private void Hello(string answer) => Command<string>(text => text == "hello", _ => Sender.Tell(answer));
    }

    private sealed class TakesEverythingTwice : ReceivePersistentActor
    {
        public TakesEverythingTwice(string id)
        {
            PersistenceId = id;
            CommandAny(_ => { });
            Command<int>(_ => { });
        }

        public override string PersistenceId { get; }
    }

    private sealed class Awaits : ReceivePersistentActor
    {
        public Awaits(string id)
        {
            PersistenceId = id;
            CommandAsync<int>(async number =>
            {
                var sender = Sender;
                await Task.Delay(1);
                Sender.Tell($"awaited-{number}");
                Assert.Equal(sender, Sender);
                Persist($"stored-{number}", stored => Sender.Tell(stored));
            });
        }

        public override string PersistenceId { get; }
    }

    private sealed class Timed : ReceivePersistentActor, IWithTimers
    {
        public Timed(string id)
        {
            PersistenceId = id;
            Command<string>(text => text == "poison", _ => Timers.StartSingleTimer("key", PoisonPill.Instance, TimeSpan.Zero));
        }

        public override string PersistenceId { get; }

        public ITimerScheduler Timers { get; set; } = null!;
    }
}

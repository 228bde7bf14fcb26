// The overloads that take a type are what is tested here.
#pragma warning disable CA2263

namespace Mesh.Tests.Engine;

public sealed class HotSwapSpec : TestKit
{
    [Fact]
    public async Task Must_be_able_to_become_in_its_constructor()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Constructed(false, 1)));
        actor.Tell("hello");
        await ExpectMsgAsync("1:hello");
    }

    [Fact]
    public async Task Must_be_able_to_become_multiple_times_in_its_constructor()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Constructed(false, 4)));
        actor.Tell("hello");
        await ExpectMsgAsync("4:hello");
    }

    [Fact]
    public async Task Must_be_able_to_become_with_stacking_in_its_constructor()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Constructed(true, 1)));
        actor.Tell("hello");
        actor.Tell("unbecome");
        actor.Tell("hello");
        await ExpectMsgAsync("1:hello");
        await ExpectMsgAsync("initial:hello");
    }

    [Fact]
    public async Task Must_be_able_to_become_with_stacking_multiple_times_in_its_constructor()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Constructed(true, 3)));
        for (var count = 0; count < 4; count++)
        {
            actor.Tell("hello");
            actor.Tell("unbecome");
        }
        await ExpectMsgAsync("3:hello");
        await ExpectMsgAsync("2:hello");
        await ExpectMsgAsync("1:hello");
        await ExpectMsgAsync("initial:hello");
        // The last behaviour stays.
        actor.Tell("unbecome");
        actor.Tell("hello");
        await ExpectMsgAsync("initial:hello");
    }

    [Fact]
    public async Task Must_be_to_hotswap_its_behaviour_with_become()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Swapping()));
        actor.Tell("init");
        await ExpectMsgAsync("initial");
        actor.Tell("swap");
        actor.Tell("init");
        await ExpectMsgAsync("swapped:init");
    }

    [Fact]
    public async Task Must_be_able_to_revert_hotswap_its_behaviour_with_unbecome()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Swapping()));
        actor.Tell("swap");
        actor.Tell("init");
        await ExpectMsgAsync("swapped:init");
        actor.Tell("revert");
        actor.Tell("init");
        await ExpectMsgAsync("initial");
    }

    [Fact]
    public async Task Must_be_able_to_revert_to_initial_state_on_restart()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Swapping()));
        actor.Tell("swap");
        actor.Tell("init");
        await ExpectMsgAsync("swapped:init");
        actor.Tell("crash");
        actor.Tell("init");
        await ExpectMsgAsync("initial");
    }

    sealed class Constructed : UntypedActor
    {
        public Constructed(bool stacked, int times)
        {
            for (var number = 1; number <= times; number++)
            {
                var mine = number;
                if (stacked)
                    BecomeStacked(message => Handle(mine.ToString(), message));
                else
                    Become(message => Handle(mine.ToString(), message));
            }
        }

        protected override void OnReceive(object message) => Handle("initial", message);

        void Handle(string behaviour, object message)
        {
            if (message is "unbecome")
                UnbecomeStacked();
            else
                Sender.Tell($"{behaviour}:{message}");
        }
    }

    sealed class Swapping : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case "init":
                    Sender.Tell("initial");
                    break;
                case "swap":
                    BecomeStacked(Swapped);
                    break;
                default:
                    Unhandled(message);
                    break;
            }
        }

        void Swapped(object message)
        {
            switch (message)
            {
                case "revert":
                    UnbecomeStacked();
                    break;
                case "crash":
                    throw new ExpectedException();
                default:
                    Sender.Tell($"swapped:{message}");
                    break;
            }
        }
    }
}

public sealed class ActorBecomeTests : TestKit
{
    [Fact]
    public async Task When_calling_become_Then_the_new_handler_is_used()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Becoming()));
        actor.Tell("hi");
        actor.Tell(new Step(false, 1));
        actor.Tell("hi");
        await ExpectMsgAsync("0:hi");
        await ExpectMsgAsync("1:hi");
    }

    [Fact]
    public async Task Given_actor_that_has_called_default_Become_twice_When_calling_unbecome_Then_the_default_handler_is_used_and_not_the_last_handler()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Becoming()));
        actor.Tell(new Step(false, 1));
        actor.Tell(new Step(false, 2));
        actor.Tell("hi");
        actor.Tell(new Back());
        actor.Tell("hi");
        await ExpectMsgAsync("2:hi");
        // Become replaces, so there is nothing below to go back to.
        await ExpectMsgAsync("2:hi");
    }

    [Fact]
    public async Task Given_actor_that_has_called_default_Become_without_overwriting_previous_handler_When_calling_unbecome_Then_the_previous_handler_is_used()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Becoming()));
        actor.Tell(new Step(true, 1));
        actor.Tell(new Step(true, 2));
        actor.Tell("hi");
        actor.Tell(new Back());
        actor.Tell("hi");
        actor.Tell(new Back());
        actor.Tell("hi");
        await ExpectMsgAsync("2:hi");
        await ExpectMsgAsync("1:hi");
        await ExpectMsgAsync("0:hi");
    }

    sealed record Step(bool Stacked, int Number);

    sealed record Back;

    sealed class Becoming : ReceiveActor
    {
        public Becoming() => Register(0);

        void Register(int number)
        {
            Receive<Step>(step =>
            {
                if (step.Stacked)
                    BecomeStacked(() => Register(step.Number));
                else
                    Become(() => Register(step.Number));
            });
            Receive<Back>(_ => UnbecomeStacked());
            ReceiveAny(message => Sender.Tell($"{number}:{message}"));
        }
    }
}

public sealed class ReceiveActorTests : TestKit
{
    [Fact]
    public async Task Given_actor_with_no_receive_specified_When_receiving_message_Then_it_should_be_unhandled()
    {
        var actor = Sys.ActorOf(Props.Create(() => new NoReceive()));
        Sys.EventStream.Subscribe(TestActor, typeof(UnhandledMessage));
        actor.Tell("something");
        await ExpectMsgAsync<UnhandledMessage>(unhandled =>
        {
            Assert.Equal("something", unhandled.Message);
            Assert.Equal(actor, unhandled.Recipient);
            Assert.Equal(TestActor, unhandled.Sender);
        });
    }

    [Fact]
    public async Task Test_that_actor_cannot_call_receive_out_of_construction_and_become()
    {
        var actor = Sys.ActorOf(Props.Create(() => new LateReceive()));
        await EventFilter.Exception<InvalidOperationException>().ExpectOneAsync(() =>
        {
            actor.Tell("register");
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task Nothing_may_follow_a_handler_that_takes_everything()
    {
        var actor = Sys.ActorOf(Props.Create(() => new AfterAny()));
        await WatchAsync(actor);
        await ExpectTerminatedAsync(actor);
        Assert.IsType<InvalidOperationException>(AfterAny.Thrown);
    }

    [Fact]
    public async Task Given_an_EchoActor_When_receiving_messages_Then_messages_should_be_sent_back()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(message => script.Sender.Tell(message, script.Self))));
        foreach (var message in new object[] { 4711, "answer", 4.5 })
        {
            actor.Tell(message);
            await ExpectMsgFromAsync(actor, message);
        }
    }

    [Fact]
    public async Task Given_an_actor_which_uses_predicates_When_sending_different_messages_Then_correct_handler_should_be_invoked()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Predicates()));
        foreach (var (message, answer) in new (object, string)[]
                 {
                     (0, "int<5:0"), (4, "int<5:4"), (5, "int<10:5"), (9, "int<10:9"), (10, "int<15:10"), (14, "int<15:14"),
                     (15, "int:15"), (100, "int:100"), ("text", "any:text"),
                 })
        {
            actor.Tell(message);
            await ExpectMsgAsync(answer);
        }
    }

    [Fact]
    public async Task Given_an_actor_that_uses_non_generic_and_predicates_When_sending_different_messages_Then_correct_handler_should_be_invoked()
    {
        var actor = Sys.ActorOf(Props.Create(() => new NonGeneric()));
        foreach (var (message, answer) in new (object, string)[]
                 {
                     (4, "int<5:4"), (5, "int<10:5"), (14, "int<15:14"), (15, "int:15"), ("text", "string:text"), (1.5, "any:1.5"),
                 })
        {
            actor.Tell(message);
            await ExpectMsgAsync(answer);
        }
    }

    [Fact]
    public async Task Given_an_actor_which_overrides_PreStart_When_sending_a_message_Then_the_message_should_be_handled()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreStart = () => { };
            script.OnAny(message => script.Sender.Tell(message));
        }));
        actor.Tell(4711);
        await ExpectMsgAsync(4711);
    }

    sealed class NoReceive : ReceiveActor;

    sealed class LateReceive : ReceiveActor
    {
        public LateReceive() => Receive<string>(_ => Receive<int>(_ => { }));
    }

    sealed class AfterAny : ReceiveActor
    {
        public static Exception? Thrown;

        public AfterAny()
        {
            ReceiveAny(_ => { });
            Thrown = Record.Exception(() => Receive<string>(_ => { }));
            if (Thrown is not null)
                throw Thrown;
        }
    }

    sealed class Predicates : ReceiveActor
    {
        public Predicates()
        {
            Receive<int>(number => number < 5, number => Sender.Tell($"int<5:{number}"));
            Receive<int>(number => Sender.Tell($"int<10:{number}"), number => number < 10);
            Receive<int>(number =>
            {
                if (number >= 15)
                    return false;
                Sender.Tell($"int<15:{number}");
                return true;
            });
            Receive<int>(number => Sender.Tell($"int:{number}"));
            ReceiveAny(message => Sender.Tell($"any:{message}"));
        }
    }

    sealed class NonGeneric : ReceiveActor
    {
        public NonGeneric()
        {
            Receive(typeof(int), number => (int)number < 5, number => Sender.Tell($"int<5:{number}"));
            Receive(typeof(int), number => Sender.Tell($"int<10:{number}"), number => (int)number < 10);
            Receive(typeof(int), number =>
            {
                if ((int)number >= 15)
                    return false;
                Sender.Tell($"int<15:{number}");
                return true;
            });
            Receive(typeof(int), number => Sender.Tell($"int:{number}"));
            Receive(typeof(string), text => Sender.Tell($"string:{text}"));
            ReceiveAny(message => Sender.Tell($"any:{message}"));
        }
    }
}

namespace Mesh.Tests.Engine;

/// <summary>Sets of handlers that replace and stack upon each other, and what a restart makes of them.</summary>
public sealed class ReceiveActorBecomeTests : TestKit
{
    [Fact]
    public async Task Given_actor_When_it_calls_Become_Then_it_switches_handler()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(UnhandledMessage));
        var actor = Sys.ActorOf(Props.Create(() => new Switching(1)));
        actor.Tell("hello");
        await ExpectMsgAsync("1:hello");
        actor.Tell(4711);
        await ExpectMsgAsync("1:int");
        actor.Tell("stack");
        actor.Tell("hello");
        await ExpectMsgAsync("2:hello");
        // Nothing of the first set shines through.
        actor.Tell(4711);
        await ExpectMsgAsync<UnhandledMessage>(unhandled => Assert.Equal((4711, actor), (unhandled.Message, unhandled.Recipient)));
    }

    [Fact]
    public async Task Given_actor_that_has_called_Become_When_it_calls_Unbecome_Then_it_switches_back_handler()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Switching(1)));
        foreach (var message in new[] { "stack", "stack", "hello", "back", "hello", "back", "hello" })
            actor.Tell(message);
        await ExpectMsgAsync("3:hello");
        await ExpectMsgAsync("2:hello");
        await ExpectMsgAsync("1:hello");
    }

    [Fact]
    public async Task Given_actor_that_has_called_Become_at_construction_time_When_it_calls_Unbecome_Then_it_switches_back_handler()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Switching(3)));
        foreach (var message in new[] { "hello", "back", "hello", "back", "hello", "back", "hello" })
            actor.Tell(message);
        await ExpectMsgAsync("3:hello");
        await ExpectMsgAsync("2:hello");
        await ExpectMsgAsync("1:hello");
        await ExpectMsgAsync("1:hello");
    }

    [Fact]
    public async Task Given_actor_that_calls_become_in_the_become_handler_only_first_become_receive_set_is_used()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(UnhandledMessage));
        var actor = Sys.ActorOf(Props.Create(() => new Becoming()));
        actor.Tell("hi");
        actor.Tell(true);
        actor.Tell(2);
        await ExpectMsgAsync("A: hi");
        await ExpectMsgAsync("A: True");
        await ExpectMsgAsync<UnhandledMessage>(unhandled => Assert.Equal(2, unhandled.Message));
    }

    [Theory]
    [InlineData("Given_actor_When_it_restarts_Then_uses_the_handler", null)]
    [InlineData("Given_actor_that_has_replaced_its_initial_handler_When_it_restarts_Then_uses_the_initial_handler", "replace")]
    [InlineData("Given_actor_that_has_pushed_a_new_handler_When_it_restarts_Then_uses_the_initial_handler", "stack")]
    public async Task A_restart_goes_back_to_the_handlers_of_the_constructor(string name, string? before)
    {
        var actor = Sys.ActorOf(Props.Create(() => new Switching(1)));
        if (before is not null)
        {
            actor.Tell(before);
            actor.Tell("hello");
            await ExpectMsgAsync("2:hello");
        }
        actor.Tell("crash");
        actor.Tell("hello");
        await ExpectMsgAsync("1:hello");
        // There is nothing below it either.
        actor.Tell("back");
        actor.Tell("hello");
        await ExpectMsgAsync("1:hello");
        Assert.StartsWith("Given_actor", name);
    }

    [Fact]
    public async Task Given_an_actor_with_ReceiveAny_When_sending_different_messages_Then_correct_handler_should_be_invoked()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On<int>(number => script.Sender.Tell($"int:{number}"));
            script.OnAny(message => script.Sender.Tell($"any:{message}"));
        }));
        actor.Tell(4711);
        actor.Tell("hello");
        await ExpectMsgAsync("int:4711");
        await ExpectMsgAsync("any:hello");
    }

    sealed class Switching : ReceiveActor
    {
        public Switching(int stacked)
        {
            Register(1);
            Receive<int>(_ => Sender.Tell("1:int"));
            for (var number = 2; number <= stacked; number++)
            {
                var mine = number;
                BecomeStacked(() => Register(mine));
            }
        }

        void Register(int number)
        {
            Receive<string>(text => text == "crash", _ => throw new ExpectedException());
            Receive<string>(text => text == "stack", _ => BecomeStacked(() => Register(number + 1)));
            Receive<string>(text => text == "replace", _ => Become(() => Register(number + 1)));
            Receive<string>(text => text == "back", _ => UnbecomeStacked());
            Receive<string>(text => Sender.Tell($"{number}:{text}"));
        }
    }

    sealed class Becoming : ReceiveActor
    {
        public Becoming() => Become(A);

        void A()
        {
            Receive<string>(text => Sender.Tell($"A: {text}"));
            Become(B);
            Receive<bool>(flag => Sender.Tell($"A: {flag}"));
        }

        void B() => Receive<int>(number => Sender.Tell($"B: {number}"));
    }
}

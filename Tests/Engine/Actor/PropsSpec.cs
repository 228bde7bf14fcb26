// The overloads that take a type are what is tested here.
#pragma warning disable CA2263

namespace Mesh.Tests.Engine;

public sealed class PropsSpec : TestKit
{
    [Fact]
    public async Task Props_must_create_actor_from_type() => await AnswersAsync(Props.Create<Plain>(), "plain");

    [Fact]
    public async Task Props_must_create_actor_by_expression() =>
        await AnswersAsync(Props.Create(() => new Pair("a", 1)), "a 1");

    [Fact]
    public async Task Props_must_create_actor_by_producer()
    {
        var producer = new Producer();
        var actor = Sys.ActorOf(Props.CreateBy(producer));
        actor.Tell("who?");
        await ExpectMsgAsync("plain");
        actor.Tell("fail");
        actor.Tell("who?");
        await ExpectMsgAsync("plain");
        Assert.Equal((2, 1), (producer.Produced, producer.Released));
        Assert.Equal(typeof(Plain), Props.CreateBy(producer).Type);
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        Assert.Equal(2, producer.Released);
    }

    [Fact]
    public void Props_created_without_strategy_must_have_it_null()
    {
        Assert.Null(Props.Create(() => new Plain()).SupervisorStrategy);
        Assert.Null(Props.Create<Plain>().SupervisorStrategy);
    }

    [Fact]
    public void Props_created_with_strategy_must_have_it_set()
    {
        var strategy = SupervisorStrategy.StoppingStrategy;
        Assert.Same(strategy, Props.Create(() => new Plain(), strategy).SupervisorStrategy);
        Assert.Same(strategy, Props.Create<Plain>().WithSupervisorStrategy(strategy).SupervisorStrategy);
        Assert.Null(Props.Create(() => new Plain(), strategy).WithSupervisorStrategy(null!).SupervisorStrategy);
    }

    [Fact]
    public async Task A_strategy_of_the_props_is_the_one_that_counts()
    {
        // The actor's own strategy restarts.
        var restarting = new OneForOneStrategy(_ => Directive.Restart);
        var parent = Sys.ActorOf(Props.Create(() => new Supervisor(restarting), SupervisorStrategy.StoppingStrategy));
        var child = await parent.Ask<IActorRef>(Props.Create<Plain>(), TimeSpan.FromSeconds(3));
        await WatchAsync(child);
        child.Tell("fail");
        await ExpectTerminatedAsync(child);
    }

    [Fact]
    public void Props_created_with_null_type_must_throw() => Assert.Throws<ArgumentNullException>(() => Props.Create((Type)null!));

    [Fact]
    public async Task Props_Must_WorkWithTypeOf() => await AnswersAsync(Props.Create(typeof(Plain)), "plain");

    [Fact]
    public async Task Props_Must_WorkWithTypeOfAndTwoParams()
    {
        var props = Props.Create(typeof(Pair), "b", 2);
        Assert.Equal(typeof(Pair), props.Type);
        Assert.Equal(["b", 2], props.Arguments);
        await AnswersAsync(props, "b 2");
    }

    [Fact]
    public async Task Props_Must_WorkWithGenericType()
    {
        await AnswersAsync(Props.Create(() => new Generic<int>(7)), "Int32 7");
        await AnswersAsync(Props.Create<Generic<string>>("seven"), "String seven");
    }

    [Fact]
    public async Task Props_with_a_constructor_that_nobody_has_fail_in_the_child()
    {
        var actor = Sys.ActorOf(Props.Create<Pair>("only one"));
        await WatchAsync(actor);
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task Changed_props_leave_the_first_ones_as_they_were()
    {
        var props = Props.Create(() => new Stashing());
        var bounded = props.WithStashCapacity(5);
        await AnswersAsync(bounded, 5);
        await AnswersAsync(props, -1);
        await AnswersAsync(bounded.WithSupervisorStrategy(SupervisorStrategy.StoppingStrategy), 5);
    }

    [Fact]
    public async Task The_context_gives_the_props_that_the_actor_was_made_from()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Pair("c", 3)));
        actor.Tell("props?");
        await ExpectMsgAsync<Props>(props => Assert.Equal((typeof(Pair), "c"), (props.Type, props.Arguments[0])));
    }

    async Task AnswersAsync(Props props, object expected)
    {
        Sys.ActorOf(props).Tell("who?");
        await ExpectMsgAsync(expected);
    }

    sealed class Plain : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is "fail")
                throw new ExpectedException();
            Sender.Tell("plain");
        }
    }

    sealed class Pair(string text, int number) : UntypedActor
    {
        protected override void OnReceive(object message) =>
            Sender.Tell(message is "props?" ? Context.Props : (object)$"{text} {number}");
    }

    sealed class Generic<T>(T value) : UntypedActor
    {
        protected override void OnReceive(object message) => Sender.Tell($"{typeof(T).Name} {value}");
    }

    sealed class Stashing : UntypedActor, IWithUnboundedStash
    {
        public IStash Stash { get; set; } = null!;

        protected override void OnReceive(object message) => Sender.Tell(Stash.Capacity);
    }

    sealed class Producer : IIndirectActorProducer
    {
        public int Produced { get; private set; }

        public int Released { get; private set; }

        public Type ActorType => typeof(Plain);

        public ActorBase Produce()
        {
            Produced++;
            return new Plain();
        }

        public void Release(ActorBase actor)
        {
            Assert.IsType<Plain>(actor);
            Released++;
        }
    }
}

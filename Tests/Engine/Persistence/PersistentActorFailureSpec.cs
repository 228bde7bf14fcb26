namespace Mesh.Tests.Engine.Persistence;

public sealed class PersistentActorFailureSpec() : TestKit(FailingJournal.Configuration)
{
    private const string Id = "entity";

    [Fact]
    public async Task PersistentActor_should_stop_if_recovery_from_persisted_events_fails()
    {
        await StoreAsync("corrupt");
        var entity = await SuperviseAsync(TwoEvents(), Directive.Restart);
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task PersistentActor_should_call_OnRecoveryFailure_when_recovery_from_persisted_events_fails()
    {
        await StoreAsync("corrupt");
        var failures = CreateTestProbe();
        var entity = await SuperviseAsync(
            Entity.Of(Id, new Entity.Script { OnRecoveryFailure = (reason, _) => failures.Ref.Tell(reason.Message) }), Directive.Restart);
        await failures.ExpectMsgAsync("blahonga 1 1");
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task PersistentActor_should_call_OnPersistFailure_and_stop_when_Persist_fails()
    {
        var entity = await SuperviseAsync(TwoEvents(), Directive.Restart);
        entity.Tell(new Cmd("wrong"));
        await ExpectMsgAsync("Failure: wrong-1");
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task PersistentActor_should_call_OnPersistFailure_and_stop_when_PersistAsync_fails()
    {
        var entity = await SuperviseAsync(
            Entity.Of(Id, (e, message) => e.PersistAsync(new Evt($"{((Cmd)message).Data}-{++e.Counter}"), evt => e.Reply(evt.Data))),
            Directive.Restart);
        entity.Tell(new Cmd("a"));
        await ExpectMsgAsync("a-1");
        entity.Tell(new Cmd("wrong"));
        await ExpectMsgAsync("Failure: wrong-2");
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task PersistentActor_should_call_OnPersistRejected_and_continue_if_Persist_rejected()
    {
        var entity = await SuperviseAsync(TwoEvents(), Directive.Restart);
        entity.Tell(new Cmd("unfit"));
        await ExpectMsgAsync("Rejected: unfit-1");
        await ExpectMsgAsync("Rejected: unfit-2");
        entity.Tell(new Cmd("a"));
        await StateIsAsync(entity, "a-1 a-2");

        // The rejected numbers are spent; what was stored around them recovers.
        entity.Tell("boom");
        await ExpectMsgAsync<TestException>();
        await StateIsAsync(entity, "a-1 a-2");
    }

    [Fact]
    public async Task PersistentActor_should_stop_if_ReceiveRecover_fails()
    {
        await StoreAsync("fine");
        var failures = CreateTestProbe();
        var entity = await SuperviseAsync(
            Entity.Of(Id, new Entity.Script
            {
                Recover = (_, message) => message is Evt ? throw new TestException("recover") : false,
                OnRecoveryFailure = (reason, message) => failures.Ref.Tell($"{reason.Message}: {message}"),
            }),
            Directive.Restart);
        await failures.ExpectMsgAsync("recover: Evt(fine)");
        await ExpectTerminatedAsync(entity);
        Assert.False(HasMessages);
    }

    [Fact]
    public async Task PersistentActor_should_support_resume_when_Persist_followed_by_exception()
    {
        var entity = await SuperviseAsync(ThrowsAfterPersist(), Directive.Resume);
        await ErrInTheMiddleAsync(entity);
        entity.Tell(new Cmd("c"));
        await StateIsAsync(entity, "a err b c");
    }

    [Fact]
    public async Task PersistentActor_should_support_restart_when_Persist_followed_by_exception()
    {
        var entity = await SuperviseAsync(ThrowsAfterPersist(), Directive.Restart);
        await ErrInTheMiddleAsync(entity);
        entity.Tell(new Cmd("c"));
        await StateIsAsync(entity, "a err b c");
    }

    [Fact]
    public async Task PersistentActor_should_support_resume_when_Persist_handlers_throws_exception()
    {
        var entity = await SuperviseAsync(ThrowsInHandler(), Directive.Resume);
        await ErrInTheMiddleAsync(entity);
        entity.Tell(new Cmd("c"));

        // The event is stored, but this instance goes on without it.
        await StateIsAsync(entity, "a b c");
    }

    [Fact]
    public async Task PersistentActor_should_support_restart_when_Persist_handlers_throws_exception()
    {
        var entity = await SuperviseAsync(ThrowsInHandler(), Directive.Restart);
        await ErrInTheMiddleAsync(entity);
        entity.Tell(new Cmd("c"));
        await StateIsAsync(entity, "a err b c");
    }

    [Fact]
    public async Task A_second_writer_fails_at_its_first_write_and_stops()
    {
        var one = await SuperviseAsync(TwoEvents(), Directive.Restart);
        var two = await SuperviseAsync(TwoEvents(), Directive.Restart);
        await StateIsAsync(two, "");
        one.Tell(new Cmd("a"));
        await StateIsAsync(one, "a-1 a-2");
        two.Tell(new Cmd("b"));
        await ExpectMsgAsync("Failure: b-1");
        await ExpectTerminatedAsync(two);
        await StateIsAsync(one, "a-1 a-2");
    }

    [Fact]
    public async Task Messages_that_wait_for_a_failed_write_are_dead_letters()
    {
        var dead = CreateTestProbe();
        Sys.EventStream.Subscribe(dead.Ref, typeof(DeadLetter));
        var entity = await SuperviseAsync(
            Entity.Of(Id, (e, message) =>
            {
                if (message is Cmd { Data: "wrong" })
                    e.Self.Tell(new Cmd("waiting"), e.Sender);
                e.Persist(new Evt(((Cmd)message).Data), e.Apply);
            }),
            Directive.Restart);
        entity.Tell(new Cmd("wrong"));
        await ExpectMsgAsync("Failure: wrong");
        await ExpectTerminatedAsync(entity);
        Assert.Equal(new Cmd("waiting"), (await dead.FishForMessageAsync<DeadLetter>(letter => letter.Message is Cmd)).Message);
    }

    private static Props TwoEvents() => Entity.Of(Id, (e, message) =>
        e.PersistAll([new Evt($"{((Cmd)message).Data}-1"), new Evt($"{((Cmd)message).Data}-2")], e.Apply));

    private static Props ThrowsAfterPersist() => Entity.Of(Id, (e, message) =>
    {
        var evt = new Evt(((Cmd)message).Data);
        e.Persist(evt, e.Apply);
        if (evt.Data is "err")
            throw new TestException("simulated exception");
    });

    private static Props ThrowsInHandler() => Entity.Of(Id, (e, message) => e.Persist(new Evt(((Cmd)message).Data), evt =>
    {
        if (evt.Data is "err")
            throw new TestException("simulated exception");
        e.Apply(evt);
    }));

    private async Task ErrInTheMiddleAsync(IActorRef entity)
    {
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("err"));
        entity.Tell(new Cmd("b"));
        await ExpectMsgAsync<TestException>();
    }

    private async Task StoreAsync(string data)
    {
        var writer = Sys.ActorOf(Entity.Of(Id, (e, message) => e.Persist(new Evt(((Cmd)message).Data), evt =>
        {
            e.Reply(evt.Data);
            e.StopSelf();
        })));
        await WatchAsync(writer);
        writer.Tell(new Cmd(data), TestActor);
        await ExpectMsgAsync(data);
        await ExpectTerminatedAsync(writer);
    }

    private async Task<IActorRef> SuperviseAsync(Props props, Directive directive)
    {
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(TestActor, directive)));
        supervisor.Tell(props, TestActor);
        var child = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(child);
        return child;
    }

    private async Task StateIsAsync(IActorRef entity, string expected)
    {
        entity.Tell(GetState.Instance, TestActor);
        await ExpectMsgAsync(expected);
    }

    private sealed class Supervisor : ReceiveActor
    {
        private readonly SupervisorStrategy _strategy;

        public Supervisor(IActorRef probe, Directive directive)
        {
            _strategy = new OneForOneStrategy(cause =>
            {
                probe.Tell(cause);
                return directive;
            });
            Receive<Props>(props => Sender.Tell(Context.ActorOf(props)));
        }

        protected override SupervisorStrategy SupervisorStrategy() => _strategy;
    }
}

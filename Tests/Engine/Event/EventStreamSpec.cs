namespace Mesh.Tests.Engine;

public sealed class EventStreamSpec() : TestKit("akka.actor.debug.unhandled = on")
{
    interface IA;

    record A : IA;

    sealed record B1 : A;

    sealed record B2 : A, ICC;

    interface ICC;

    sealed record M(int Value);

    [Fact]
    public async Task Manage_subscriptions()
    {
        Assert.True(Sys.EventStream.Subscribe(TestActor, typeof(M)));
        Assert.False(Sys.EventStream.Subscribe(TestActor, typeof(M)));
        Sys.EventStream.Publish(new M(42));
        await ExpectMsgAsync(new M(42));
        Assert.True(Sys.EventStream.Unsubscribe(TestActor));
        Assert.False(Sys.EventStream.Unsubscribe(TestActor));
        Sys.EventStream.Publish(new M(13));
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public void Not_allow_null_as_subscriber() =>
        Assert.Throws<ArgumentNullException>(() => Sys.EventStream.Subscribe(null!, typeof(M)));

    [Fact]
    public void Not_allow_null_as_unsubscriber()
    {
        Assert.Throws<ArgumentNullException>(() => Sys.EventStream.Unsubscribe(null!, typeof(M)));
        Assert.Throws<ArgumentNullException>(() => Sys.EventStream.Unsubscribe(null!));
    }

    [Fact]
    public async Task Be_able_to_log_unhandled_messages() =>
        await EventFilter.Debug(start: "Unhandled message from", contains: "nobody wants me").ExpectOneAsync(() =>
        {
            Sys.ActorOf(Props.Empty).Tell("nobody wants me");
            return Task.CompletedTask;
        });

    [Fact]
    public async Task Bugfix3267_able_to_log_unhandled_messages_with_nosender() =>
        await EventFilter.Debug(start: "Unhandled message from", contains: "nobody sent me").ExpectOneAsync(() =>
        {
            Sys.ActorOf(Props.Empty).Tell("nobody sent me", ActorRefs.NoSender);
            return Task.CompletedTask;
        });

    [Fact]
    public async Task Manage_sub_channels_using_classes()
    {
        var (a, b1, b2) = (new A(), new B1(), new B2());
        Sys.EventStream.Subscribe<B1>(TestActor);
        Sys.EventStream.Publish(a);
        Sys.EventStream.Publish(b2);
        Sys.EventStream.Publish(b1);
        await ExpectMsgAsync<object>(b1);

        // Subscribed by two types, it still gets each event once.
        Sys.EventStream.Subscribe<A>(TestActor);
        Sys.EventStream.Publish(a);
        Sys.EventStream.Publish(b1);
        Sys.EventStream.Publish(b2);
        await ExpectMsgAsync<object>(a);
        await ExpectMsgAsync<object>(b1);
        await ExpectMsgAsync<object>(b2);

        Sys.EventStream.Unsubscribe<A>(TestActor);
        Sys.EventStream.Publish(a);
        Sys.EventStream.Publish(b2);
        Sys.EventStream.Publish(b1);
        await ExpectMsgAsync<object>(b1);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Manage_sub_channels_using_classes_and_interfaces()
    {
        var (b1, b2) = (new B1(), new B2());
        var (p1, p2) = (CreateTestProbe(), CreateTestProbe());
        Sys.EventStream.Subscribe<IA>(p1.Ref);
        Sys.EventStream.Subscribe<ICC>(p2.Ref);
        Sys.EventStream.Publish(b1);
        Sys.EventStream.Publish(b2);
        await p1.ExpectMsgAsync<object>(b1);
        await p1.ExpectMsgAsync<object>(b2);
        await p2.ExpectMsgAsync<object>(b2);
        await p2.ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task A_subscriber_that_has_stopped_is_forgotten()
    {
        var subscriber = Sys.ActorOf(Props.Empty);
        Sys.EventStream.Subscribe<M>(subscriber);
        await subscriber.GracefulStop(TimeSpan.FromSeconds(3));
        Sys.EventStream.Subscribe<DeadLetter>(TestActor);
        Sys.EventStream.Publish(new M(1));
        await ExpectNoMsgAsync(50);
        Assert.False(Sys.EventStream.Unsubscribe(subscriber));
    }
}

public sealed class DeadLettersSpec() : TestKit("akka.log-dead-letters = 2")
{
    [Fact]
    public async Task Can_send_messages_to_dead_letters()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(DeadLetter));
        Sys.DeadLetters.Tell("foobar");
        await ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("foobar", letter.Message));
    }

    [Fact]
    public async Task Suppressed_messages_are_published_apart()
    {
        var (normal, all) = (CreateTestProbe(), CreateTestProbe());
        Sys.EventStream.Subscribe(normal.Ref, typeof(DeadLetter));
        Sys.EventStream.Subscribe(all.Ref, typeof(AllDeadLetters));
        var dead = Sys.ActorOf(Props.Empty);
        await dead.GracefulStop(TimeSpan.FromSeconds(3));
        dead.Tell(new Unimportant());
        dead.Tell("important");
        await all.ExpectMsgAsync<AllDeadLetters>(letter => Assert.IsType<Unimportant>(letter.Message));
        await all.ExpectMsgAsync<DeadLetter>();
        await normal.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("important", letter.Message));
        await normal.ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Log_dead_letters()
    {
        var dead = Sys.ActorOf(Props.Empty);
        await dead.GracefulStop(TimeSpan.FromSeconds(3));
        await EventFilter.Info(contains: "was not delivered").ExpectAsync(2, () =>
        {
            for (var number = 0; number < 5; number++)
                dead.Tell(number);
            return Task.CompletedTask;
        });
    }

    sealed record Unimportant : IDeadLetterSuppression;
}

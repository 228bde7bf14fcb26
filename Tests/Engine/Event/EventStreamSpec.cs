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
    public async Task A_stream_of_its_own_is_nobody_elses()
    {
        var own = new EventStream();
        own.Subscribe(TestActor, typeof(M));
        Sys.EventStream.Publish(new M(1));
        own.Publish(new M(2));
        await ExpectMsgAsync(new M(2));
        await ExpectNoMsgAsync(20);
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
    public async Task Manage_sub_channels_using_classes_and_interfaces_update_on_subscribe()
    {
        var (b1, b2) = (new B1(), new B2());
        var (a1, a2, a3, a4) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        Sys.EventStream.Subscribe<IA>(a1.Ref);
        Sys.EventStream.Publish(b2);
        Sys.EventStream.Publish(b1);
        await a1.ExpectMsgAsync<object>(b2);
        await a1.ExpectMsgAsync<object>(b1);
        // Types that have been published already find those who come later.
        Sys.EventStream.Subscribe<ICC>(a2.Ref);
        Sys.EventStream.Subscribe<A>(a3.Ref);
        Sys.EventStream.Subscribe<B2>(a4.Ref);
        Sys.EventStream.Publish(b1);
        Sys.EventStream.Publish(b2);
        foreach (var (probe, expected) in new (TestProbe, object[])[] { (a1, [b1, b2]), (a2, [b2]), (a3, [b1, b2]), (a4, [b2]) })
        {
            foreach (var each in expected)
                await probe.ExpectMsgAsync<object>(each);
            await probe.ExpectNoMsgAsync(20);
        }
    }

    [Theory]
    [InlineData("Manage_sub_channels_using_classes_and_interfaces_update_on_unsubscribe", false)]
    [InlineData("Manage_sub_channels_using_classes_and_interfaces_update_on_unsubscribe_all", true)]
    public async Task Manage_sub_channels_using_classes_and_interfaces_update_on_unsubscribe(string name, bool all)
    {
        var (b1, b2) = (new B1(), new B2());
        var (a1, a2, a3) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        Sys.EventStream.Subscribe<IA>(a1.Ref);
        Sys.EventStream.Subscribe<ICC>(a2.Ref);
        Sys.EventStream.Subscribe<A>(a3.Ref);
        Sys.EventStream.Subscribe<ICC>(a3.Ref);
        Sys.EventStream.Publish(b1);
        Sys.EventStream.Publish(b2);
        if (all)
            Sys.EventStream.Unsubscribe(a3.Ref);
        else
            Sys.EventStream.Unsubscribe<A>(a3.Ref);
        Sys.EventStream.Publish(b1);
        Sys.EventStream.Publish(b2);
        object[] rest = all ? [b1, b2] : [b1, b2, b2];
        foreach (var (probe, expected) in new (TestProbe, object[])[] { (a1, [b1, b2, b1, b2]), (a2, [b2, b2]), (a3, rest) })
        {
            foreach (var each in expected)
                await probe.ExpectMsgAsync(each);
            await probe.ExpectNoMsgAsync(20);
        }
        Assert.StartsWith("Manage", name);
    }

    [Fact]
    public async Task EventBus_allow_to_add_multiple_subscribers()
    {
        var probes = Enumerable.Range(0, 10).Select(_ => CreateTestProbe()).ToList();
        foreach (var probe in probes)
            Assert.True(Sys.EventStream.Subscribe(probe.Ref, typeof(M)));
        Sys.EventStream.Publish(new M(1));
        foreach (var probe in probes)
            await probe.ExpectMsgAsync(new M(1));
        foreach (var probe in probes)
            Assert.True(Sys.EventStream.Unsubscribe(probe.Ref, typeof(M)));
        Sys.EventStream.Publish(new M(2));
        foreach (var probe in probes)
            await probe.ExpectNoMsgAsync(10);
    }

    [Fact]
    public async Task EventBus_publish_to_the_only_subscriber_multiple_times()
    {
        // To nobody it can be published as well.
        Sys.EventStream.Publish(new M(0));
        Sys.EventStream.Subscribe<M>(TestActor);
        for (var number = 1; number <= 3; number++)
            Sys.EventStream.Publish(new M(number));
        for (var number = 1; number <= 3; number++)
            await ExpectMsgAsync(new M(number));
    }

    [Fact]
    public async Task EventBus_not_publish_event_to_unindented_subscribers()
    {
        var (intended, other) = (CreateTestProbe(), CreateTestProbe());
        Sys.EventStream.Subscribe<M>(intended.Ref);
        Sys.EventStream.Subscribe<B1>(other.Ref);
        Sys.EventStream.Publish(new M(1));
        await intended.ExpectMsgAsync(new M(1));
        await other.ExpectNoMsgAsync(20);
        Assert.False(Sys.EventStream.Unsubscribe(intended.Ref, typeof(B1)));
    }

    [Fact]
    public async Task Concurrent_subscriptions_and_events_lose_none_that_comes_after()
    {
        // Ends are seen in the mailboxes: each subscriber gets the last event, however the rest went.
        const int Subscribers = 50;
        var probes = Enumerable.Range(0, Subscribers).Select(_ => CreateTestProbe()).ToList();
        using var stop = new CancellationTokenSource();
        var publishing = Task.Run(async () =>
        {
            for (var number = 0; !stop.IsCancellationRequested; number++)
            {
                Sys.EventStream.Publish(new M(number));
                await Task.Yield();
            }
        });
        await Task.WhenAll(probes.Select(probe => Task.Run(() => Sys.EventStream.Subscribe<M>(probe.Ref))));
        await stop.CancelAsync();
        await publishing;
        Sys.EventStream.Publish(new M(-1));
        foreach (var probe in probes)
        {
            var last = -1;
            while (await probe.ExpectMsgAsync<M>() is { Value: >= 0 } each)
            {
                Assert.True(last < 0 || each.Value == last + 1, $"{each.Value} after {last}");
                last = each.Value;
            }
        }
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

    [Fact]
    public async Task Must_suppress_message_from_default_dead_letters_logging_sent_to_dead_letters()
    {
        var (normal, all) = (CreateTestProbe(), CreateTestProbe());
        Sys.EventStream.Subscribe(normal.Ref, typeof(DeadLetter));
        Sys.EventStream.Subscribe(all.Ref, typeof(AllDeadLetters));
        await EventFilter.Info(contains: "was not delivered").ExpectAsync(0, () =>
        {
            Sys.DeadLetters.Tell(new Unimportant());
            return Task.CompletedTask;
        });
        await all.ExpectMsgAsync<AllDeadLetters>(letter =>
        {
            Assert.IsType<Unimportant>(letter.Message);
            Assert.Equal(TestActor, letter.Sender);
        });
        await normal.ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task What_is_left_in_the_mailbox_of_an_actor_that_stops_is_published_with_its_senders()
    {
        using var go = new ManualResetEventSlim();
        var (letters, sender) = (CreateTestProbe(), CreateTestProbe());
        Sys.EventStream.Subscribe(letters.Ref, typeof(DeadLetter));
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ =>
        {
            Assert.True(go.Wait(TimeSpan.FromSeconds(5)));
            script.Context.Stop(script.Self);
        })));
        actor.Tell("last");
        for (var number = 0; number < 10; number++)
            actor.Tell(number, number % 2 == 0 ? sender : ActorRefs.NoSender);
        go.Set();
        for (var number = 0; number < 10; number++)
        {
            var letter = await letters.ExpectMsgAsync<DeadLetter>();
            Assert.Equal((number, actor), (letter.Message, letter.Recipient));
            Assert.Equal(number % 2 == 0 ? sender.Ref : Sys.DeadLetters, letter.Sender);
        }
    }

    sealed record Unimportant : IDeadLetterSuppression;
}

namespace Mesh.Tests.Engine;

public sealed class ActorWithStashSpec : TestKit
{
    [Fact]
    public async Task An_actor_with_Stash_Must_stash_and_unstash_messages()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("open", () =>
            {
                script.Become(other => other.OnAny(message => TestActor.Tell(message)));
                script.Stash.UnstashAll();
            });
            script.OnAny(_ => script.Stash.Stash());
        }));
        for (var number = 0; number < 100; number++)
            actor.Tell(number);
        actor.Tell("open");
        actor.Tell("last");
        for (var number = 0; number < 100; number++)
            await ExpectMsgAsync(number);
        await ExpectMsgAsync("last");
    }

    [Fact]
    public async Task Unstash_puts_back_the_oldest_only()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("one", () =>
            {
                script.Become(other =>
                {
                    other.On("two", () => other.Stash.Unstash());
                    other.OnAny(message => TestActor.Tell(message));
                });
                script.Stash.Unstash();
            });
            script.OnAny(_ => script.Stash.Stash());
        }));
        actor.Tell("a");
        actor.Tell("b");
        actor.Tell("one");
        await ExpectMsgAsync("a");
        await ExpectNoMsgAsync();
        actor.Tell("two");
        await ExpectMsgAsync("b");
    }

    [Fact]
    public async Task The_sender_survives_the_stash()
    {
        var probe = CreateTestProbe();
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("open", () =>
            {
                script.Become(other => other.OnAny(_ => other.Sender.Tell("answer")));
                script.Stash.UnstashAll();
            });
            script.OnAny(_ => script.Stash.Stash());
        }));
        probe.Send(actor, "hello");
        actor.Tell("open");
        await probe.ExpectMsgAsync("answer");
    }

    [Fact]
    public async Task An_actor_Must_throw_an_exception_if_the_same_message_is_stashed_twice()
    {
        // Once only: the restart takes the message out of the stash again, and a second failure would be one too many.
        var done = false;
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ =>
        {
            if (done)
                return;
            done = true;
            script.Stash.Stash();
            script.Stash.Stash();
        })));
        await EventFilter.Exception<IllegalActorStateException>(start: "Can't stash the same message").ExpectOneAsync(() =>
        {
            actor.Tell("hello");
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task An_actor_Should__not_throw_an_exception_if_the_same_message_is_received_and_stashed_twice()
    {
        var rounds = 0;
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("again", () => script.Stash.UnstashAll());
            script.On<string>(message =>
            {
                if (++rounds < 3)
                    script.Stash.Stash();
                else
                    TestActor.Tell(message);
            });
        }));
        actor.Tell("hello");
        actor.Tell("again");
        actor.Tell("again");
        await ExpectMsgAsync("hello");
    }

    [Fact]
    public async Task An_actor_should_not_throw_an_exception_if_sent_two_messages_with_same_value_different_reference()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("count", () => script.Sender.Tell(script.Stash.Count));
            script.OnAny(_ => script.Stash.Stash());
        }));
        actor.Tell(new NamedProps(null!, "same"));
        actor.Tell(new NamedProps(null!, "same"));
        actor.Tell("count");
        await ExpectMsgAsync(2);
    }

    [Fact]
    public async Task An_actor_must_unstash_all_messages_on_PostStop()
    {
        var probe = CreateTestProbe();
        Sys.EventStream.Subscribe(probe.Ref, typeof(DeadLetter));
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Stash.Stash())));
        actor.Tell("first");
        actor.Tell("second");
        await WatchAsync(actor);
        actor.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(actor);
        await probe.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("first", letter.Message));
        await probe.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal("second", letter.Message));
    }

    [Fact]
    public async Task An_actor_Must_process_stashed_messages_after_restart()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Crashing(TestActor, false)));
        actor.Tell("hello");
        actor.Tell("crash");
        await ExpectMsgAsync("after restart: hello");
    }

    [Fact]
    public async Task An_actor_that_clears_the_stash_on_preRestart_Must_not_receive_previously_stashed_messages()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Crashing(TestActor, true)));
        actor.Tell("hello");
        actor.Tell("crash");
        actor.Tell("world");
        await ExpectMsgAsync("after restart: world");
        await ExpectNoMsgAsync();
    }

    [Fact]
    public async Task An_actor_must_rereceive_unstashed_Terminated_messages()
    {
        var first = true;
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreStart = () => script.Context.Stop(script.Context.Watch(script.Context.ActorOf(Props.Empty, "child")));
            script.On<Terminated>(_ =>
            {
                if (first)
                {
                    first = false;
                    script.Stash.Stash();
                    TestActor.Tell("stashed");
                    script.Stash.UnstashAll();
                }
                else
                {
                    TestActor.Tell("received");
                }
            });
        }));
        await ExpectMsgAsync("stashed");
        await ExpectMsgAsync("received");
        await ExpectNoMsgAsync();
        Assert.NotNull(actor);
    }

    [Fact]
    public async Task A_bounded_stash_overflows()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Stash.Stash())).WithStashCapacity(2));
        actor.Tell(1);
        actor.Tell(2);
        await EventFilter.Exception<StashOverflowException>().ExpectOneAsync(() =>
        {
            actor.Tell(3);
            return Task.CompletedTask;
        });
    }

    [Theory]
    [InlineData("An_actor_with_unbounded_stash_must_have_a_stash_assigned_to_it", -1)]
    [InlineData("An_actor_with_bounded_stash_must_have_a_stash_assigned_to_it", 7)]
    public async Task An_actor_must_have_a_stash_assigned_to_it(string name, int capacity)
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Sender.Tell(script.Stash))).WithStashCapacity(capacity));
        Assert.Equal(capacity, (await actor.Ask<IStash>("stash", TimeSpan.FromSeconds(3))).Capacity);
        Assert.EndsWith("it", name);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public async Task ShouldGetAccurateStashReading(int capacity)
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("read", () => script.Sender.Tell(
                (script.Stash.Count, script.Stash.IsEmpty, script.Stash.NonEmpty, script.Stash.IsFull, script.Stash.Capacity)));
            script.On("clear", () => script.Sender.Tell(script.Stash.ClearStash().Select(each => each.Message).ToArray()));
            script.OnAny(_ => script.Stash.Stash());
        }).WithStashCapacity(capacity));
        for (var count = 0; count <= 3; count++)
        {
            actor.Tell("read");
            await ExpectMsgAsync((count, count == 0, count > 0, capacity == count, capacity));
            if (count < 3)
                actor.Tell(count);
        }
        actor.Tell("clear");
        await ExpectMsgAsync<object[]>(stashed => Assert.Equal([0, 1, 2], stashed));
        actor.Tell("read");
        await ExpectMsgAsync((0, true, false, false, capacity));
    }

    [Fact]
    public async Task An_overflow_is_supervised_and_loses_the_message_that_did_not_fit_only()
    {
        var restarted = false;
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPostRestart = _ => restarted = true;
            script.OnAny(message =>
            {
                if (restarted)
                    TestActor.Tell(message);
                else
                    script.Stash.Stash();
            });
        }).WithStashCapacity(2));
        for (var number = 1; number <= 4; number++)
            actor.Tell(number);
        await ExpectMsgAsync(1);
        await ExpectMsgAsync(2);
        await ExpectMsgAsync(4);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Some_can_be_unstashed_and_the_rest_is_dropped()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("odd ones", () =>
            {
                script.Become(other => other.OnAny(message => TestActor.Tell(message)));
                script.Stash.UnstashAll(envelope => envelope.Message is int number && number % 2 == 1);
            });
            script.OnAny(_ => script.Stash.Stash());
        }));
        for (var number = 0; number < 6; number++)
            actor.Tell(number);
        actor.Tell("odd ones");
        actor.Tell("last");
        foreach (var expected in new object[] { 1, 3, 5, "last" })
            await ExpectMsgAsync(expected);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task What_is_prepended_comes_out_first()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("turn", () =>
            {
                var stashed = script.Stash.ClearStash().ToList();
                script.Stash.Prepend(stashed[2..]);
                script.Stash.Prepend(stashed[..2]);
                script.Become(other => other.OnAny(message => TestActor.Tell(message)));
                script.Stash.UnstashAll();
            });
            script.OnAny(_ => script.Stash.Stash());
        }));
        for (var number = 0; number < 4; number++)
            actor.Tell(number);
        actor.Tell("turn");
        for (var number = 0; number < 4; number++)
            await ExpectMsgAsync(number);
    }

    [Fact]
    public async Task A_custom_death_notice_can_be_stashed()
    {
        var subject = Sys.ActorOf(Props.Empty);
        var first = true;
        Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreStart = () => script.Context.Stop(script.Context.WatchWith(subject, "gone"));
            script.On("gone", () =>
            {
                TestActor.Tell(first ? "stashed" : "received");
                if (first)
                {
                    script.Stash.Stash();
                    script.Stash.UnstashAll();
                }
                first = false;
            });
        }));
        await ExpectMsgAsync("stashed");
        await ExpectMsgAsync("received");
        await ExpectNoMsgAsync(50);
    }

    sealed class Crashing : ReceiveActor, IWithStash
    {
        static readonly HashSet<IActorRef> Restarted = [];
        readonly bool _clear;

        public Crashing(IActorRef probe, bool clear)
        {
            _clear = clear;
            Receive<string>(message =>
            {
                bool restarted;
                lock (Restarted)
                    restarted = Restarted.Contains(Self);
                if (restarted)
                    probe.Tell($"after restart: {message}");
                else if (message == "crash")
                    throw new ExpectedException();
                else
                    Stash.Stash();
            });
        }

        public IStash Stash { get; set; } = null!;

        protected override void PreRestart(Exception reason, object? message)
        {
            if (_clear)
                Stash.ClearStash();
            base.PreRestart(reason, message!);
        }

        protected override void PostRestart(Exception reason)
        {
            lock (Restarted)
                Restarted.Add(Self);
        }
    }
}

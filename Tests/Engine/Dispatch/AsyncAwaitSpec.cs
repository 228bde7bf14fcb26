// The overloads that take a type are what is tested here.
#pragma warning disable CA2263

namespace Mesh.Tests.Engine;

public sealed class AsyncAwaitSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task UntypedActors_should_be_able_to_async_await_ask_message_loop()
    {
        var actor = Sys.ActorOf(Props.Create(() => new UntypedAsync()));
        Assert.Equal("done", await actor.Ask<string>("start", Patience));
    }

    [Fact]
    public async Task Actors_should_be_able_to_async_await_in_message_loop()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(async _ =>
        {
            var sender = script.Sender;
            await Task.Yield();
            await Task.Delay(1);
            // Context and Sender are the actor's again after each await.
            Assert.Equal(sender, script.Sender);
            Assert.NotNull(script.Context.Self);
            sender.Tell("done");
        })));
        Assert.Equal("done", await actor.Ask<string>("start", Patience));
    }

    [Fact]
    public async Task Actors_should_be_able_to_async_await_ask_message_loop()
    {
        var other = Sys.ActorOf(Scripted.Props(script => script.OnAny(message => script.Sender.Tell($"echo {message}"))));
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(async message =>
        {
            var answer = await other.Ask<string>(message, Patience);
            script.Sender.Tell(answer);
        })));
        Assert.Equal("echo hi", await actor.Ask<string>("hi", Patience));
    }

    [Fact]
    public async Task Actors_should_be_able_to_block_ask_message_loop()
    {
        // The asked actor needs a thread of its own while the asking one sits on its turn.
        var other = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(async message =>
        {
            await Task.Delay(1);
            script.Sender.Tell($"echo {message}");
        })));
        var actor = Sys.ActorOf(Scripted.Props(script => script.On<string>(message =>
        {
            script.Sender.Tell(other.Ask<string>(message, TimeSpan.FromSeconds(10)).GetAwaiter().GetResult());
        })));
        actor.Tell("hi");
        await ExpectMsgAsync("echo hi", TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Actors_should_be_able_to_use_ContinueWith()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(_ => Task.Delay(1).ContinueWith(
            _ => script.Sender.Tell(script.Context.Self), TaskScheduler.Current))));
        actor.Tell("start");
        await ExpectMsgAsync(actor);
    }

    [Fact]
    public async Task Actors_should_be_able_to_supervise_exception_ContinueWith()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreRestart = (reason, message) => TestActor.Tell((reason.Message, message));
            script.OnAsync<string>(_ => Task.Delay(1).ContinueWith(
                (Action<Task>)(_ => throw new ExpectedException("from afar")), TaskScheduler.Current));
        }));
        actor.Tell("start");
        await ExpectMsgAsync<(string, object?)>(("from afar", "start"));
    }

    [Fact]
    public async Task What_a_handler_left_running_comes_back_between_the_turns_only()
    {
        using var leave = new ManualResetEventSlim();
        var inTurn = false;
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(message =>
        {
            inTurn = true;
            _ = Task.Run(() => { }).ContinueWith(
                _ => TestActor.Tell(Volatile.Read(ref inTurn) ? "within the turn" : "after the turn"), TaskScheduler.Current);
            TestActor.Tell("started");
            Assert.True(leave.Wait(TimeSpan.FromSeconds(5)));
            Volatile.Write(ref inTurn, false);
            return Task.CompletedTask;
        })));
        actor.Tell("start");
        await ExpectMsgAsync("started");
        await ExpectNoMsgAsync(50);
        leave.Set();
        await ExpectMsgAsync("after the turn");
    }

    [Fact]
    public async Task Fix2176_RunTask_Should_create_valid_child_actor()
    {
        Sys.ActorOf(Props.Create(() => new StartsInTask(TestActor)));
        await ExpectMsgAsync("from the child");
    }

    [Fact]
    public async Task Actors_should_be_able_to_supervise_async_exceptions()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Strategy = new OneForOneStrategy(cause =>
            {
                TestActor.Tell(cause.Message);
                return Directive.Stop;
            });
            var child = script.Context.ActorOf(Scripted.Props(failing => failing.OnAsync<string>(async _ =>
            {
                await Task.Yield();
                throw new ExpectedException("from afar");
            })));
            script.OnAny(child.Forward);
        }));
        actor.Tell("start");
        await ExpectMsgAsync("from afar");
    }

    [Fact]
    public async Task A_cancelled_handler_fails_its_actor()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(_ => Task.FromCanceled(new CancellationToken(true)))));
        await EventFilter.Exception<TaskCanceledException>().ExpectOneAsync(() =>
        {
            actor.Tell("start");
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task Actors_should_be_able_to_suspend_reentrancy()
    {
        var running = 0;
        var entered = 0;
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnAsync<int>(async number =>
            {
                Assert.Equal(1, Interlocked.Increment(ref running));
                Interlocked.Increment(ref entered);
                await Task.Delay(1);
                await Task.Delay(1);
                Assert.Equal(0, Interlocked.Decrement(ref running));
                TestActor.Tell(number);
            });
        }));
        for (var number = 0; number < 20; number++)
            actor.Tell(number);
        for (var number = 0; number < 20; number++)
            await ExpectMsgAsync(number);
        Assert.Equal(20, entered);
    }

    [Fact]
    public async Task ActorTaskScheduler_reentrancy_should_not_be_possible()
    {
        var finish = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnAsync<string>(
                async _ =>
                {
                    TestActor.Tell("started");
                    await finish.Task;
                    TestActor.Tell("finished");
                },
                message => message == "slow");
            script.OnAny(message => TestActor.Tell(message));
        }));
        actor.Tell("slow");
        actor.Tell("quick");
        await ExpectMsgAsync("started");
        await ExpectNoMsgAsync();
        finish.SetResult();
        await ExpectMsgAsync("finished");
        await ExpectMsgAsync("quick");
    }

    [Fact]
    public async Task System_messages_run_while_a_handler_waits()
    {
        var never = new TaskCompletionSource();
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPostStop = () => TestActor.Tell("stopped");
            script.OnAsync<string>(_ =>
            {
                TestActor.Tell("waiting");
                return never.Task;
            });
        }));
        await WatchAsync(actor);
        actor.Tell("start");
        await ExpectMsgAsync("waiting");
        Sys.Stop(actor);
        await ExpectMsgAsync("stopped");
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task A_failing_child_is_supervised_while_a_handler_waits_and_the_sender_stays()
    {
        var finish = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Strategy = new OneForOneStrategy(_ =>
            {
                TestActor.Tell("supervised");
                return Directive.Stop;
            });
            var child = script.Context.ActorOf(Props.Empty);
            script.OnAsync<string>(async _ =>
            {
                child.Tell(Kill.Instance);
                await finish.Task;
                script.Sender.Tell("answer");
            });
        }));
        actor.Tell("start");
        await ExpectMsgAsync("supervised");
        finish.SetResult();
        await ExpectMsgAsync("answer");
    }

    [Fact]
    public async Task Actor_should_be_able_to_resume_suspend()
    {
        var fail = true;
        var actor = Sys.ActorOf(Props.Create(() => new Supervisor(new OneForOneStrategy(_ => Directive.Resume))));
        var child = await actor.Ask<IActorRef>(
            Scripted.Props(script => script.OnAsync<string>(async message =>
            {
                await Task.Delay(1);
                if (fail)
                {
                    fail = false;
                    throw new ExpectedException();
                }
                script.Sender.Tell(message);
            })),
            Patience);
        child.Tell("fails");
        child.Tell("goes on");
        await ExpectMsgAsync("goes on");
    }

    [Fact]
    public async Task Actor_should_be_able_to_ReceiveTimeout_after_async_operation()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnAsync<string>(async _ =>
            {
                await Task.Delay(1);
                script.Context.SetReceiveTimeout(TimeSpan.FromMilliseconds(20));
            });
            script.On<ReceiveTimeout>(_ =>
            {
                script.Context.SetReceiveTimeout(null);
                TestActor.Tell("timeout");
            });
        }));
        actor.Tell("start");
        await ExpectMsgAsync("timeout");
    }

    [Fact]
    public async Task Actor_should_not_restart_if_exception_is_catched()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreRestart = (_, _) => TestActor.Tell("restarting");
            script.OnAsync<string>(async _ =>
            {
                try
                {
                    await Task.Delay(1);
                    throw new ExpectedException();
                }
                catch (ExpectedException)
                {
                    script.Sender.Tell("caught");
                }
            });
        }));
        actor.Tell("start");
        await ExpectMsgAsync("caught");
        await ExpectNoMsgAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Actor_PreRestart_should_give_the_failing_message(bool yields)
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPreRestart = (reason, message) => TestActor.Tell((reason.Message, message, script.Sender));
            script.OnAsync<string>(async _ =>
            {
                if (yields)
                    await Task.Delay(1);
                throw new ExpectedException();
            });
        }));
        actor.Tell("the message");
        await ExpectMsgAsync<(string, object?, IActorRef)>(("expected", "the message", TestActor));
    }

    [Fact]
    public async Task Actor_PipeTo_should_not_be_delayed_by_async_receive()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("work", () => Task.FromResult("piped").PipeTo(script.Self, script.Sender));
            script.OnAsync<string>(async message =>
            {
                await Task.Delay(1);
                script.Sender.Tell(message);
            });
        }));
        actor.Tell("work");
        await ExpectMsgAsync("piped");
    }

    [Fact]
    public async Task Actor_receiveasync_overloads_should_work()
    {
        var actor = Sys.ActorOf(Props.Create(() => new Overloads()));
        foreach (var (message, answer) in new (object, string)[] { (1, "int=1"), (2, "int=2"), (3, "int"), ("a", "string"), (1.5, "any") })
        {
            actor.Tell(message);
            await ExpectMsgAsync(answer);
        }
    }

    sealed class StartsInTask : ReceiveActor
    {
        public StartsInTask(IActorRef probe)
        {
            Receive<string>(probe.Tell);
            RunTask(() =>
            {
                Context.ActorOf(Scripted.Props(child => child.OnPreStart = () => child.Context.Parent.Tell("from the child")));
            });
        }
    }

    sealed class UntypedAsync : UntypedActor
    {
        protected override void OnReceive(object message) => RunTask(async () =>
        {
            var sender = Sender;
            await Task.Delay(1);
            Assert.Equal(sender, Sender);
            Sender.Tell("done");
        });
    }

    sealed class Overloads : ReceiveActor
    {
        public Overloads()
        {
            ReceiveAsync<int>(async _ => await AnswerAsync("int=1"), number => number == 1);
            ReceiveAsync<int>(number => number == 2, async _ => await AnswerAsync("int=2"));
            ReceiveAsync(typeof(int), async _ => await AnswerAsync("int"));
            ReceiveAsync<string>(async _ => await AnswerAsync("string"));
            ReceiveAnyAsync(async _ => await AnswerAsync("any"));
        }

        async Task AnswerAsync(string answer)
        {
            await Task.Delay(1);
            Sender.Tell(answer);
        }
    }
}

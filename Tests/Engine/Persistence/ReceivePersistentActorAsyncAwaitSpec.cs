using System.Runtime.CompilerServices;

// The overloads that take a type are what is tested here.
#pragma warning disable CA2263

namespace Mesh.Tests.Engine.Persistence;

/// <summary>Command handlers that await: the same promises as those of any asynchronous handler.</summary>
public sealed class ReceivePersistentActorAsyncAwaitSpec : TestKit
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task PersistentActors_should_be_able_to_async_await_ask_message_loop()
    {
        var entity = Sys.ActorOf(Props.Create(() => new UntypedAsync("entity")));
        Assert.Equal("done", await entity.Ask<string>("start", Patience));
    }

    [Fact]
    public async Task Actors_should_be_able_to_async_await_in_message_loop()
    {
        var entity = Start(on => on.Async<string>(async _ =>
        {
            var sender = on.Sender;
            await Task.Yield();
            await Task.Delay(1);
            Assert.Equal(sender, on.Sender);
            sender.Tell(on.ContextSelf);
        }));
        Assert.Equal(entity, await entity.Ask<IActorRef>("start", Patience));
    }

    [Fact]
    public async Task Actors_should_be_able_to_async_await_ask_message_loop()
    {
        var echo = Start(on => on.Async<string>(async text =>
        {
            await Task.Delay(1);
            on.Sender.Tell($"echo {text}");
        }));
        var entity = Start(on => on.Async<string>(async text => on.Sender.Tell(await echo.Ask<string>(text, Patience))));
        Assert.Equal("echo hi", await entity.Ask<string>("hi", Patience));
    }

    [Fact]
    public async Task Actors_should_be_able_to_block_ask_message_loop()
    {
        var echo = Start(on => on.Async<string>(async text =>
        {
            await Task.Delay(1);
            on.Sender.Tell($"echo {text}");
        }));
        var entity = Start(on => on.Sync<string>(text =>
            on.Sender.Tell(echo.Ask<string>(text, TimeSpan.FromSeconds(10)).GetAwaiter().GetResult())));
        Assert.Equal("echo hi", await entity.Ask<string>("hi", TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task Actors_should_be_able_to_supervise_async_exceptions()
    {
        var (entity, causes) = await SuperviseAsync(Directive.Stop, on => on.Async<string>(async _ =>
        {
            await Task.Delay(1);
            throw new TestException("from afar");
        }));
        await WatchAsync(entity);
        entity.Tell("start");
        await causes.ExpectMsgAsync("from afar");
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task Actors_should_be_able_to_use_ContinueWith()
    {
        var entity = Start(on => on.Async<string>(_ => Task.Delay(1).ContinueWith(
            _ => on.Sender.Tell(on.ContextSelf), TaskScheduler.Current)));
        Assert.Equal(entity, await entity.Ask<IActorRef>("start", Patience));
    }

    [Fact]
    public async Task Actors_should_be_able_to_supervise_exception_ContinueWith()
    {
        var (entity, causes) = await SuperviseAsync(Directive.Restart, on => on.Async<string>(_ => Task.Delay(1).ContinueWith(
            (Action<Task>)(_ => throw new TestException("from afar")), TaskScheduler.Current)));
        entity.Tell("start");
        await causes.ExpectMsgAsync("from afar");
    }

    [Fact]
    public async Task Actors_should_be_able_to_suspend_reentrancy()
    {
        var running = 0;
        var entity = Start(on => on.Async<int>(async number =>
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            await Task.Yield();
            await Task.Delay(1);
            Assert.Equal(0, Interlocked.Decrement(ref running));
            TestActor.Tell(number);
        }));
        for (var number = 0; number < 20; number++)
            entity.Tell(number);
        for (var number = 0; number < 20; number++)
            await ExpectMsgAsync(number);
    }

    [Fact]
    public async Task Actor_should_be_able_to_resume_suspend()
    {
        var fails = true;
        var (entity, causes) = await SuperviseAsync(Directive.Resume, on => on.Async<string>(async text =>
        {
            await Task.Delay(1);
            if (fails)
            {
                fails = false;
                throw new TestException("once");
            }

            on.Sender.Tell(text);
        }));
        entity.Tell("fails");
        entity.Tell("goes on");
        await causes.ExpectMsgAsync("once");
        await ExpectMsgAsync("goes on");
    }

    [Fact]
    public async Task Actor_should_be_able_to_ReceiveTimeout_after_async_operation()
    {
        var entity = Start(on =>
        {
            on.Async<string>(async _ =>
            {
                await Task.Delay(1);
                on.ReceiveTimeout(TimeSpan.FromMilliseconds(20));
            });
            on.Sync<ReceiveTimeout>(_ =>
            {
                on.ReceiveTimeout(null);
                TestActor.Tell("timeout");
            });
        });
        entity.Tell("start");
        await ExpectMsgAsync("timeout");
    }

    [Fact]
    public async Task Actor_should_not_restart_if_exception_is_catched()
    {
        var (entity, causes) = await SuperviseAsync(Directive.Restart, on => on.Async<string>(async _ =>
        {
            try
            {
                await Task.Delay(1);
                throw new TestException("caught");
            }
            catch (TestException caught)
            {
                on.Sender.Tell(caught.Message);
            }
        }));
        entity.Tell("start");
        await ExpectMsgAsync("caught");
        await causes.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(50));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Actor_PreRestart_should_give_the_failing_message(bool yields)
    {
        var entity = Start(on =>
        {
            on.PreRestart = (reason, message) => TestActor.Tell((reason.Message, message, on.Sender));
            on.Async<string>(async _ =>
            {
                if (yields)
                    await Task.Delay(1);
                throw new TestException("failed");
            });
        });
        entity.Tell("the message");
        await ExpectMsgAsync<(string, object?, IActorRef)>(("failed", "the message", TestActor));
    }

    [Fact]
    public async Task ActorTaskScheduler_reentrancy_should_not_be_possible()
    {
        var finish = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var entity = Start(on =>
        {
            on.Async<string>(
                async _ =>
                {
                    TestActor.Tell("started");
                    await finish.Task;
                    TestActor.Tell("finished");
                },
                text => text == "slow");
            on.Sync<string>(TestActor.Tell);
        });
        entity.Tell("slow");
        entity.Tell("quick");
        await ExpectMsgAsync("started");
        await ExpectNoMsgAsync(50);
        finish.SetResult();
        await ExpectMsgAsync("finished");
        await ExpectMsgAsync("quick");
    }

    [Fact]
    public async Task Actor_receiveasync_overloads_should_work()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Overloads("entity")));
        foreach (var (message, answer) in new (object, string)[]
        {
            (1, "int=1"), (2, "int=2"), (3, "int by type and predicate"), (4, "int by predicate and type"), (5, "int"), ("a", "string"),
            (1.5, "any"),
        })
        {
            entity.Tell(message);
            await ExpectMsgAsync(answer);
        }
    }

    [Fact]
    public async Task An_asynchronous_command_within_another_is_refused()
    {
        var entity = Sys.ActorOf(Props.Create(() => new Nesting("entity")));
        Assert.Equal("RunTask cannot be nested.", await entity.Ask<string>("start", Patience));
    }

    [Fact]
    public async Task A_failure_after_an_await_loses_nothing_that_was_persisted_before_it()
    {
        var (entity, causes) = await SuperviseAsync(Directive.Restart, on =>
        {
            on.Async<int>(async number =>
            {
                on.Persist($"event {number}");
                await Task.Delay(1);
                if (number == 2)
                    throw new TestException("after the second");
            });
            on.Sync<string>(_ => on.Sender.Tell(string.Join(", ", on.Events)));
        });
        foreach (var number in (int[])[1, 2, 3])
            entity.Tell(number);
        await causes.ExpectMsgAsync("after the second");
        await AwaitAssertAsync(async () => Assert.Equal("event 1, event 2, event 3", await entity.Ask<string>("events", Patience)));
    }

    private IActorRef Start(Action<Script> write) => Sys.ActorOf(Scripted(write));

    private async Task<(IActorRef Entity, TestProbe Causes)> SuperviseAsync(Directive directive, Action<Script> write)
    {
        var causes = CreateTestProbe();
        var supervisor = Sys.ActorOf(Mesh.Tests.Engine.Supervisor.Deciding(cause =>
        {
            causes.Ref.Tell(cause.Message);
            return directive;
        }));
        return (await supervisor.Ask<IActorRef>(Scripted(write), Patience), causes);
    }

    private static Props Scripted(Action<Script> write)
    {
        var id = Guid.NewGuid().ToString();
        return Props.Create(() => new ScriptedEntity(id, write));
    }

    /// <summary>What a test sees of the entity that it writes down.</summary>
    private sealed class Script(ScriptedEntity entity)
    {
        public IActorRef Sender => entity.SenderOf();

        public IActorRef ContextSelf => entity.SelfOfContext();

        public List<string> Events { get; } = [];

        public Action<Exception, object?>? PreRestart { get; set; }

        public void Sync<T>(Action<T> handler) => entity.On(handler);

        public void Async<T>(Func<T, Task> handler, Predicate<T>? when = null) => entity.OnAsync(handler, when);

        public void Persist(string text) => entity.Persist(text, Events.Add);

        public void ReceiveTimeout(TimeSpan? timeout) => entity.SetTimeout(timeout);
    }

    private sealed class ScriptedEntity : ReceivePersistentActor
    {
        private readonly Script _script;

        public ScriptedEntity(string id, Action<Script> write)
        {
            PersistenceId = id;
            _script = new Script(this);
            Recover<string>(_script.Events.Add);
            write(_script);
        }

        public override string PersistenceId { get; }

        public IActorRef SenderOf() => Sender;

        public IActorRef SelfOfContext() => Context.Self;

        public void SetTimeout(TimeSpan? timeout) => SetReceiveTimeout(timeout);

        public void On<T>(Action<T> handler) => Command(handler);

        public void OnAsync<T>(Func<T, Task> handler, Predicate<T>? when) => CommandAsync(handler, when);

        protected override void PreRestart(Exception reason, object? message)
        {
            _script.PreRestart?.Invoke(reason, message);
            base.PreRestart(reason, message!);
        }
    }

    private sealed class UntypedAsync(string id) : UntypedPersistentActor
    {
        public override string PersistenceId { get; } = id;

        protected override void OnCommand(object message) => RunTask(async () =>
        {
            var sender = Sender;
            await Task.Delay(1);
            Assert.Equal(sender, Sender);
            Sender.Tell("done");
        });

        protected override void OnRecover(object message)
        {
        }
    }

    private sealed class Overloads : ReceivePersistentActor
    {
        public Overloads(string id)
        {
            PersistenceId = id;
            CommandAsync<int>(async _ => await AnswerAsync("int=1"), number => number == 1);
            CommandAsync<int>(number => number == 2, async _ => await AnswerAsync("int=2"));
            CommandAsync(typeof(int), async _ => await AnswerAsync("int by type and predicate"), number => (int)number == 3);
            CommandAsync(typeof(int), number => (int)number == 4, async _ => await AnswerAsync("int by predicate and type"));
            CommandAsync(typeof(int), async _ => await AnswerAsync("int"));
            CommandAsync<string>(async _ => await AnswerAsync("string"));
            CommandAnyAsync(async _ => await AnswerAsync("any"));
        }

        public override string PersistenceId { get; }

        private async Task AnswerAsync(string answer)
        {
            await Task.Delay(1);
            Sender.Tell(answer);
        }
    }

    private sealed class Nesting : ReceivePersistentActor
    {
        public Nesting(string id)
        {
            PersistenceId = id;
            CommandAsync<string>(async _ =>
            {
                await new LaterTurn();
                Sender.Tell(Record.Exception(() => RunTask(() => Task.CompletedTask))?.Message ?? "It was not refused.");
            });
        }

        public override string PersistenceId { get; }
    }

    /// <summary>Goes on in a later turn of the actor, never in the one that awaits it, as a delay may that is over at once.</summary>
    private readonly struct LaterTurn : INotifyCompletion
    {
        public bool IsCompleted => false;

        public LaterTurn GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation)
        {
            var scheduler = TaskScheduler.Current;
            ThreadPool.QueueUserWorkItem(_ => Task.Factory.StartNew(continuation, CancellationToken.None, TaskCreationOptions.None, scheduler));
        }
    }
}

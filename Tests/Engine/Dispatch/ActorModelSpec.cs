namespace Mesh.Tests.Engine;

public sealed class ActorModelSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_dispatcher_must_process_messages_one_at_a_time()
    {
        var busy = 0;
        var overlaps = 0;
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On<int>(_ =>
            {
                if (Interlocked.Exchange(ref busy, 1) != 0)
                    overlaps++;
                Thread.SpinWait(20);
                Interlocked.Exchange(ref busy, 0);
            });
            script.On("done?", () => script.Sender.Tell("done"));
        }));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var number = 0; number < 10_000; number++)
                actor.Tell(number);
        })));
        await actor.Ask<string>("done?", Patience);
        Assert.Equal(0, overlaps);
    }

    [Fact]
    public async Task A_dispatcher_must_handle_queuing_from_multiple_threads()
    {
        var count = 0;
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On<int>(_ => count++);
            script.On("count", () => script.Sender.Tell(count));
        }));
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var number = 0; number < 1_000; number++)
                actor.Tell(number, ActorRefs.NoSender);
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Assert.Equal(8_000, await actor.Ask<int>("count", Patience));
    }

    [Fact]
    public async Task A_dispatcher_must_not_process_messages_for_a_suspended_actor()
    {
        using var decide = new ManualResetEventSlim();
        using var deciding = new SemaphoreSlim(0);
        var strategy = new OneForOneStrategy(_ =>
        {
            deciding.Release();
            Assert.True(decide.Wait(TimeSpan.FromSeconds(5)));
            return Directive.Resume;
        });
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
        var actor = await supervisor.Ask<IActorRef>(
            Scripted.Props(script =>
            {
                script.On("fail", () => throw new ExpectedException());
                script.OnAny(message => TestActor.Tell(message));
            }),
            Patience);
        actor.Tell("fail");
        actor.Tell("after");
        Assert.True(await deciding.WaitAsync(Patience));
        await ExpectNoMsgAsync();
        decide.Set();
        await ExpectMsgAsync("after");
    }

    [Fact]
    public async Task A_dispatcher_must_process_messages_in_parallel()
    {
        using var first = new ManualResetEventSlim();
        using var second = new ManualResetEventSlim();
        Props Meeting(ManualResetEventSlim mine, ManualResetEventSlim others) => Scripted.Props(script => script.OnAny(_ =>
        {
            // Both are in the middle of a message at once, or neither gets further.
            mine.Set();
            script.Sender.Tell(others.Wait(Patience));
        }));
        Sys.ActorOf(Meeting(first, second)).Tell("go");
        Sys.ActorOf(Meeting(second, first)).Tell("go");
        Assert.True(await ExpectMsgAsync<bool>(Patience * 2));
        Assert.True(await ExpectMsgAsync<bool>(Patience * 2));
    }

    [Fact]
    public async Task A_dispatcher_must_handle_waves_of_actors()
    {
        for (var wave = 0; wave < 3; wave++)
        {
            const int Actors = 5_000;
            var alive = Actors;
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var props = Scripted.Props(script =>
            {
                script.OnPostStop = () =>
                {
                    if (Interlocked.Decrement(ref alive) == 0)
                        ended.SetResult();
                };
                script.OnAny(_ => script.Context.Stop(script.Self));
            });
            for (var number = 0; number < Actors; number++)
                Sys.ActorOf(props).Tell("go");
            await ended.Task.WaitAsync(TimeSpan.FromSeconds(10));
        }
    }

    [Fact]
    public async Task A_dispatcher_must_continue_to_process_messages_when_exception_is_thrown()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("fail", () => throw new ExpectedException());
            script.OnAny(message => script.Sender.Tell(message));
        }));
        for (var number = 0; number < 5; number++)
        {
            actor.Tell(number);
            actor.Tell("fail");
        }
        for (var number = 0; number < 5; number++)
            await ExpectMsgAsync(number);
    }

    [Fact]
    public async Task A_busy_actor_gives_others_their_turn()
    {
        var running = true;
        var greedy = Sys.ActorOf(Scripted.Props(script => script.OnAny(message =>
        {
            if (Volatile.Read(ref running))
                script.Self.Tell(message);
        })));
        for (var number = 0; number < Environment.ProcessorCount * 4; number++)
            Sys.ActorOf(Scripted.Props(script => script.OnAny(message =>
            {
                if (Volatile.Read(ref running))
                    script.Self.Tell(message);
            }))).Tell("spin");
        greedy.Tell("spin");
        var other = Sys.ActorOf(Scripted.Props(script => script.OnAny(message => script.Sender.Tell(message))));
        Assert.Equal("hi", await other.Ask<string>("hi", Patience));
        Volatile.Write(ref running, false);
    }
}

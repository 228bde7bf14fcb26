namespace Mesh.Tests.Engine;

/// <summary>What the guarantees are worth under load: order for each pair, one at a time, restarts that lose one message each.</summary>
public sealed class OrderingStressSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_million_messages_from_several_senders_keep_their_order_through_restarts()
    {
        const int Senders = 4;
        const int Each = 250_000;
        const int FailEvery = 10_007;
        var tally = new Tally(Senders);
        var strategy = new OneForOneStrategy(-1, -1, _ => Directive.Restart, loggingEnabled: false);
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
        var receiver = await supervisor.Ask<IActorRef>(
            Props.Create(() => new Receiver(tally, FailEvery, Senders * Each, TestActor)), Patience);

        await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(() =>
        {
            for (var number = 0; number < Each; number++)
                receiver.Tell(new Numbered(sender, number), ActorRefs.NoSender);
        })));

        await ExpectMsgAsync("all", Patience);
        Assert.Equal(Senders * Each, tally.Received);
        Assert.Equal(0, tally.OutOfOrder);
        Assert.Equal(0, tally.Overlaps);
        Assert.Equal(Senders * Each / FailEvery, tally.Failures);
        Assert.Equal(tally.Failures + 1, tally.Incarnations);
    }

    [Fact]
    public async Task System_messages_are_handled_in_order_and_overtake_user_messages_under_load()
    {
        // Watches are system messages, and each deceased is stopped by one: their order is the order of the ends.
        const int Subjects = 2_000;
        var watcher = Sys.ActorOf(Scripted.Props(script =>
        {
            var ended = new List<string>();
            script.On<IActorRef[]>(subjects =>
            {
                foreach (var subject in subjects)
                    script.Context.Watch(subject);
                script.Sender.Tell("watching");
            });
            script.On<int>(_ => { });
            script.On<Terminated>(terminated =>
            {
                ended.Add(terminated.ActorRef.Path.Name);
                if (ended.Count == Subjects)
                    TestActor.Tell(ended.ToArray());
            });
        }));
        var subjects = Enumerable.Range(0, Subjects).Select(number => Sys.ActorOf(Props.Empty, $"subject-{number}")).ToArray();
        Assert.Equal("watching", await watcher.Ask<string>(subjects, Patience));

        using var stop = new CancellationTokenSource();
        var load = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                for (var number = 0; number < 100; number++)
                    watcher.Tell(number, ActorRefs.NoSender);
                await Task.Yield();
            }
        });
        foreach (var subject in subjects)
            Sys.Stop(subject);
        var names = await ExpectMsgAsync<string[]>(Patience);
        await stop.CancelAsync();
        await load;
        // Exactly one notice for each, whatever the load.
        Assert.Equal(subjects.Select(subject => subject.Path.Name).Order(), names.Order());
    }

    [Fact]
    public async Task Suspend_and_resume_balance_under_a_storm_of_failures_on_two_levels()
    {
        const int Children = 8;
        const int Rounds = 200;
        var quiet = new OneForOneStrategy(-1, -1, cause => cause is EscalatedException ? Directive.Escalate : Directive.Resume, false);
        var top = Sys.ActorOf(Props.Create(
            () => new Supervisor(new OneForOneStrategy(-1, -1, _ => Directive.Resume, false))));
        var middle = await top.Ask<IActorRef>(Props.Create(() => new Supervisor(quiet)), Patience);
        var children = new List<IActorRef>();
        for (var number = 0; number < Children; number++)
            children.Add(await middle.Ask<IActorRef>(Failing(), Patience));
        await Task.WhenAll(children.Select((child, index) => Task.Run(() =>
        {
            for (var round = 0; round < Rounds; round++)
                child.Tell(round % 3 == index % 3 ? new Fail(true) : new Fail(false));
        })));
        foreach (var child in children)
            Assert.Equal(Rounds, await child.Ask<int>("count", Patience));
    }

    static Props Failing() => Scripted.Props(script =>
    {
        var count = 0;
        script.On<Fail>(fail =>
        {
            count++;
            throw fail.Escalate ? new EscalatedException() : new ExpectedException();
        });
        script.On("count", () => script.Sender.Tell(count));
    });

    sealed record Numbered(int Sender, int Number);

    sealed record Fail(bool Escalate);

    sealed class EscalatedException : Exception;

    sealed class Tally(int senders)
    {
        public int[] Next { get; } = new int[senders];

        public int Received;
        public int OutOfOrder;
        public int Overlaps;
        public int Failures;
        public int Incarnations;
        public int Busy;
    }

    sealed class Receiver : UntypedActor
    {
        readonly Tally _tally;
        readonly int _failEvery;
        readonly int _all;
        readonly IActorRef _probe;

        public Receiver(Tally tally, int failEvery, int all, IActorRef probe)
        {
            _tally = tally;
            _failEvery = failEvery;
            _all = all;
            _probe = probe;
            tally.Incarnations++;
        }

        protected override void OnReceive(object message)
        {
            if (Interlocked.Exchange(ref _tally.Busy, 1) != 0)
                _tally.Overlaps++;
            var numbered = (Numbered)message;
            // Written without locks on purpose: turns must not overlap and must see each other's writes.
            if (_tally.Next[numbered.Sender] != numbered.Number)
                _tally.OutOfOrder++;
            _tally.Next[numbered.Sender] = numbered.Number + 1;
            _tally.Received++;
            var received = _tally.Received;
            Interlocked.Exchange(ref _tally.Busy, 0);
            if (received == _all)
                _probe.Tell("all");
            if (received % _failEvery == 0)
            {
                _tally.Failures++;
                throw new ExpectedException();
            }
        }
    }
}

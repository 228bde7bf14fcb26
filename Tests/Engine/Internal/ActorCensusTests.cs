using Mesh.Actors.Engine.Diagnostics;

namespace Mesh.Tests.Engine;

/// <summary>What is counted is what happened.</summary>
public sealed class ActorCensusTests() : TestKit("akka.stdout-loglevel = OFF")
{
    [Fact]
    public async Task Messages_restarts_stashed_messages_and_depth_are_counted()
    {
        var gate = new TaskCompletionSource();
        var counted = Sys.ActorOf(Props.Create(() => new Counted(gate.Task)), "counted");
        counted.Tell("wait", TestActor);
        await ExpectMsgAsync("waiting");
        for (var number = 0; number < 5; number++)
            counted.Tell(number, TestActor);
        var waiting = Find(Sys.TakeCensus(), "counted");
        Assert.Equal((ActorActivity.Awaiting, 1L, 5), (waiting.Activity, waiting.Messages, waiting.Depth));

        gate.SetResult();
        for (var number = 0; number < 5; number++)
            await ExpectMsgAsync(number);
        counted.Tell("stash", TestActor);
        counted.Tell("fail", TestActor);
        counted.Tell("again", TestActor);
        await ExpectMsgAsync("stash");
        await ExpectMsgAsync("again");
        await AwaitAssertAsync(() =>
        {
            var report = Sys.TakeCensus();
            var idle = Find(report, "counted");
            // wait, five numbers, stash, fail, stash again, again.
            Assert.Equal((ActorActivity.Idle, 10L, 1, 0, 0, nameof(Counted)), (idle.Activity, idle.Messages, idle.Restarts, idle.Depth, idle.Stashed, idle.Type));
            Assert.Equal(5, idle.Deepest);
            Assert.Equal(new ActorTypeEntry(nameof(Counted), 1, 1, 10, 1, 1, 5), OfType(report, nameof(Counted)));
        });
    }

    [Fact]
    public async Task What_has_stopped_leaves_the_tree_and_stays_in_its_class()
    {
        for (var number = 0; number < 3; number++)
        {
            var counted = Sys.ActorOf(Props.Create(() => new Counted(Task.CompletedTask)));
            counted.Tell(number, TestActor);
            await ExpectMsgAsync(number);
            await WatchAsync(counted);
            Sys.Stop(counted);
            await ExpectTerminatedAsync(counted);
        }
        Assert.Equal(new ActorTypeEntry(nameof(Counted), 0, 3, 3, 0, 0, 1), OfType(Sys.TakeCensus(), nameof(Counted)));
        Assert.DoesNotContain(Sys.TakeCensus().Root.Children.Single(child => child.Name == "user").Children, child => child.Type == nameof(Counted));
    }

    [Fact]
    public async Task A_failed_actor_is_suspended_until_its_supervisor_has_decided()
    {
        var deciding = new ManualResetEventSlim();
        var decide = new ManualResetEventSlim();
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Strategy = new OneForOneStrategy(_ =>
            {
                deciding.Set();
                decide.Wait(TimeSpan.FromSeconds(10));
                return Directive.Resume;
            });
            var child = script.Context.ActorOf(Scripted.Props(inner => inner.On<string>(_ => throw new InvalidOperationException("meant"))), "failing");
            script.On<string>(message => child.Tell(message));
        }), "deciding");
        parent.Tell("fail");
        Assert.True(await Task.Run(() => deciding.Wait(TimeSpan.FromSeconds(10))));
        Assert.Equal(ActorActivity.Suspended, Find(Sys.TakeCensus(), "failing").Activity);
        Assert.Equal(ActorActivity.Busy, Find(Sys.TakeCensus(), "deciding").Activity);
        decide.Set();
        await AwaitAssertAsync(() => Assert.Equal(ActorActivity.Idle, Find(Sys.TakeCensus(), "failing").Activity));
    }

    static ActorEntry Find(ActorReport report, string name) => All(report.Root).Single(entry => entry.Name == name);

    static IEnumerable<ActorEntry> All(ActorEntry entry) => entry.Children.SelectMany(All).Prepend(entry);

    static ActorTypeEntry OfType(ActorReport report, string type) => report.Types.Single(entry => entry.Type == type);

    sealed class Counted : ReceiveActor, IWithUnboundedStash
    {
        public Counted(Task gate)
        {
            ReceiveAsync<string>(async _ =>
            {
                Sender.Tell("waiting");
                await gate;
            }, message => message == "wait");
            Receive<string>(_ => throw new InvalidOperationException("meant"), message => message == "fail");
            Receive<string>(_ => Stash.Stash(), message => message == "stash" && !WasRestarted);
            ReceiveAny(message => Sender.Tell(message));
        }

        public IStash Stash { get; set; } = null!;

        bool WasRestarted { get; set; }

        protected override void PostRestart(Exception reason)
        {
            WasRestarted = true;
            base.PostRestart(reason);
        }
    }
}

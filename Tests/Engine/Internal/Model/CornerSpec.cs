using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine.Model;

/// <summary>Corners that the lock step found. Turn by turn, so that each is met every time.</summary>
public sealed class CornerSpec
{
    readonly SteppedSystem _stepped = new();
    readonly List<string> _said = [];

    [Theory]
    [InlineData("PreStart")]
    [InlineData("PostStop")]
    public void A_timer_started_in_the_last_hook_of_an_instance_ends_with_it(string hook)
    {
        var actor = Start(script =>
        {
            void StartTimer() => script.Timers.StartPeriodicTimer("key", "tick", TimeSpan.FromMilliseconds(10));
            if (hook == "PostStop")
            {
                script.OnPostStop = StartTimer;
                return;
            }
            script.OnPreStart = () =>
            {
                StartTimer();
                throw new ExpectedException();
            };
        });
        _stepped.System.Stop(actor);
        _stepped.Rest();
        var letters = _stepped.Record<AllDeadLetters>();
        _stepped.Advance(100);
        Assert.Empty(letters);
    }

    [Fact]
    public void A_timer_started_in_a_PreRestart_that_throws_ends_with_its_instance()
    {
        var actor = Start(script =>
        {
            script.On("fail", () => throw new ExpectedException());
            script.OnPreRestart = (_, _) =>
            {
                script.Timers.StartPeriodicTimer("key", "tick", TimeSpan.FromMilliseconds(10));
                throw new ExpectedException();
            };
        });
        actor.Tell("fail", ActorRefs.NoSender);
        _stepped.Rest();
        _stepped.Advance(100);
        Assert.Empty(_stepped.Dispatcher.Scheduled);
    }

    [Fact]
    public void An_actor_that_never_had_children_starts_none_in_PostStop()
    {
        IActorRef? orphan = null;
        Exception? refusal = null;
        var actor = Start(script => script.OnPostStop = () =>
        {
            refusal = Record.Exception(() => orphan = script.Context.ActorOf(Props.Empty));
        });
        _stepped.System.Stop(actor);
        _stepped.Rest();
        Assert.Null(orphan);
        Assert.IsType<InvalidOperationException>(refusal);
    }

    [Fact]
    public void Nobody_starts_actors_below_a_guardian_that_has_ended()
    {
        _stepped.System.FinalTerminate();
        _stepped.Rest();
        Assert.Throws<InvalidOperationException>(() => _stepped.System.ActorOf(Props.Empty));
    }

    [Fact]
    public void A_Kill_by_timer_is_what_PreRestart_sees()
    {
        var supervisor = Start(new OneForOneStrategy(_ => Directive.Restart));
        StartBelow(supervisor, script =>
        {
            script.OnPreStart = () => script.Timers.StartSingleTimer("key", Kill.Instance, TimeSpan.FromMilliseconds(10));
            script.OnPreRestart = (_, message) => _said.Add($"{message}");
        });
        _stepped.Advance(10);
        _stepped.Rest();
        Assert.Equal([$"{Kill.Instance}"], _said);
    }

    [Fact]
    public void A_receive_timeout_set_in_PostStop_dies_with_the_actor()
    {
        var actor = Start(script => script.OnPostStop = () => script.Context.SetReceiveTimeout(TimeSpan.FromMilliseconds(10)));
        _stepped.System.Stop(actor);
        _stepped.Rest();
        var letters = _stepped.Record<AllDeadLetters>();
        _stepped.Advance(100);
        Assert.Empty(letters);
    }

    [Theory]
    [InlineData(Directive.Restart)]
    [InlineData(Directive.Resume)]
    public void Children_that_survive_a_restart_whose_PostRestart_throws_go_on_afterwards(Directive directive)
    {
        var supervisor = Start(new OneForOneStrategy(cause => cause is PostRestartException ? directive : Directive.Restart));
        var failures = 1;
        StartBelow(supervisor, script =>
        {
            IActorRef? newcomer = null;
            var child = script.Context.Child("child");
            script.OnPreStart = () =>
            {
                if (child.IsNobody())
                    child = script.Context.ActorOf(Saying(), "child");
            };
            script.OnPreRestart = (_, _) => { };
            script.OnPostRestart = _ =>
            {
                newcomer = script.Context.ActorOf(Saying());
                if (failures-- > 0)
                    throw new ExpectedException();
            };
            script.On("fail", () => throw new ExpectedException());
            script.On("speak", () =>
            {
                child.Tell("survivor", ActorRefs.NoSender);
                newcomer?.Tell("newcomer", ActorRefs.NoSender);
            });
        });
        var parent = _stepped.Find("supervisor", "parent");
        parent.Tell("fail", ActorRefs.NoSender);
        _stepped.Rest();
        parent.Tell("speak", ActorRefs.NoSender);
        _stepped.Rest();
        Assert.Equal(["newcomer", "survivor"], _said.Order());
    }

    [Fact]
    public void Children_started_by_an_instance_whose_PostRestart_throws_stand_still_with_it()
    {
        var supervisor = Start(new OneForOneStrategy(cause => cause is PostRestartException ? Directive.Resume : Directive.Restart));
        StartBelow(supervisor, script =>
        {
            script.OnPostRestart = _ =>
            {
                var newcomer = script.Context.ActorOf(Saying());
                newcomer.Tell("newcomer", ActorRefs.NoSender);
                throw new ExpectedException();
            };
            script.On("fail", () => throw new ExpectedException());
        });
        var parent = _stepped.Find("supervisor", "parent");
        parent.Tell("fail", ActorRefs.NoSender);
        _stepped.Turn(parent);
        _stepped.Turn(supervisor);
        _stepped.Turn(parent);
        // The newcomer has its turn while the supervisor has not decided.
        _stepped.Turn(_stepped.Find("supervisor", "parent", "$a"));
        Assert.Empty(_said);
        _stepped.Rest();
        Assert.Equal(["newcomer"], _said);
    }

    [Fact]
    public void There_is_nothing_to_stash_when_the_failure_was_a_childs()
    {
        Exception? refusal = null;
        var supervisor = Start(new OneForOneStrategy(_ => Directive.Restart));
        StartBelow(supervisor, script =>
        {
            script.Strategy = new OneForOneStrategy(_ => Directive.Escalate);
            script.OnPreRestart = (_, message) =>
            {
                Assert.Null(message);
                refusal = Record.Exception(script.Stash.Stash);
            };
            script.OnPreStart = () =>
                script.Context.ActorOf(Scripted.Props(child => child.On("fail", () => throw new ExpectedException())), "child");
            script.OnPostRestart = _ => { };
            script.OnAny(message => _said.Add($"{message}"));
        });
        _stepped.Find("supervisor", "parent", "child").Tell("fail", ActorRefs.NoSender);
        _stepped.Rest();
        Assert.IsType<IllegalActorStateException>(refusal);
        Assert.Empty(_said);
    }

    [Theory]
    [InlineData(Directive.Restart)]
    [InlineData(Directive.Resume)]
    public void An_actor_that_is_stopped_while_it_waits_to_be_created_again_stays_stopped(Directive directive)
    {
        var supervisor = Start(new OneForOneStrategy(_ => directive));
        StartBelow(supervisor, script =>
        {
            _said.Add("made");
            script.Context.ActorOf(Props.Empty, "child");
            script.OnPreStart = () =>
            {
                if (_said.Count == 1)
                    throw new ExpectedException();
            };
        }, rest: false);
        TakeTurns(supervisor);
        var parent = _stepped.Find("supervisor", "parent");
        TakeTurns(parent);
        // It has failed, is told to stop and waits for its child when the supervisor decides to go on with it.
        _stepped.System.Stop(parent);
        TakeTurns(parent, supervisor, parent);
        _stepped.Rest();
        Assert.Equal(["made"], _said);
        Assert.True(((IInternalActorRef)parent).IsTerminated);
    }

    [Fact]
    public void What_waits_for_the_end_of_a_restart_comes_before_what_was_sent_later()
    {
        var top = Start(new OneForOneStrategy(_ => Directive.Resume));
        StartBelow(top, script =>
        {
            script.Strategy = new OneForOneStrategy(_ => Directive.Restart);
            script.OnPreStart = () => script.Context.ActorOf(
                Scripted.Props(child =>
                {
                    child.OnPreStart = () => child.Context.ActorOf(Props.Empty, "grandchild");
                    child.On("fail", () => throw new ExpectedException());
                    child.On<string>(_said.Add);
                }),
                "child");
            script.On("fail", () => throw new ExpectedException());
        });
        var parent = _stepped.Find("supervisor", "parent");
        var child = _stepped.Find("supervisor", "parent", "child");
        var grandchild = _stepped.Find("supervisor", "parent", "child", "grandchild");
        // The child's restart waits for the grandchild to stop.
        child.Tell("fail", ActorRefs.NoSender);
        TakeTurns(child, parent, child);
        // Meanwhile the parent fails too: the child is suspended, and that waits.
        parent.Tell("fail", ActorRefs.NoSender);
        TakeTurns(parent, child);
        // The end of the grandchild and the parent's word to go on come together.
        TakeTurns(grandchild, top, parent, child);
        child.Tell("still here", ActorRefs.NoSender);
        _stepped.Rest();
        Assert.Equal(["still here"], _said);
    }

    [Fact]
    public void A_handler_that_goes_on_after_a_child_has_failed_its_actor_is_not_what_failed()
    {
        var gate = new TaskCompletionSource();
        var supervisor = Start(new OneForOneStrategy(_ => Directive.Restart));
        StartBelow(supervisor, script =>
        {
            script.Strategy = new OneForOneStrategy(_ => Directive.Escalate);
            script.OnPreStart = () =>
                script.Context.ActorOf(Scripted.Props(child => child.On("fail", () => throw new ExpectedException())), "child");
            script.OnPreRestart = (_, message) => _said.Add($"failed on {message ?? "nothing"}");
            script.OnPostRestart = _ => { };
            script.OnAsync<string>(_ => gate.Task);
        });
        var parent = _stepped.Find("supervisor", "parent");
        var child = _stepped.Find("supervisor", "parent", "child");
        parent.Tell("wait", ActorRefs.NoSender);
        child.Tell("fail", ActorRefs.NoSender);
        TakeTurns(parent, child, parent);
        gate.SetResult();
        TakeTurns(parent);
        _stepped.Rest();
        Assert.Equal(["failed on nothing"], _said);
    }

    [Fact]
    public void An_actor_started_below_one_that_has_failed_stands_still_with_it()
    {
        var (gate, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        var supervisor = Start(new OneForOneStrategy(_ => Directive.Resume));
        StartBelow(supervisor, script =>
        {
            var context = script.Context;
            script.Strategy = new OneForOneStrategy(_ => Directive.Escalate);
            script.OnPreStart = () =>
                context.ActorOf(Scripted.Props(child => child.On("fail", () => throw new ExpectedException())), "child");
            script.OnAsync<string>(async _ =>
            {
                await gate.Task;
                var late = context.ActorOf(
                    Scripted.Props(child => child.OnAsync<string>(message =>
                    {
                        _said.Add(message);
                        return second.Task;
                    })),
                    "late");
                late.Tell("one", ActorRefs.NoSender);
                late.Tell("two", ActorRefs.NoSender);
            });
        });
        var parent = _stepped.Find("supervisor", "parent");
        var child = _stepped.Find("supervisor", "parent", "child");
        parent.Tell("wait", ActorRefs.NoSender);
        child.Tell("fail", ActorRefs.NoSender);
        TakeTurns(parent, child, parent);
        gate.SetResult();
        TakeTurns(parent);
        TakeTurns(_stepped.Find("supervisor", "parent", "late"));
        Assert.Empty(_said);
        // The word to go on must not be taken for the end of a handler that waits.
        _stepped.Rest();
        Assert.Equal(["one"], _said);
        second.SetResult();
        _stepped.Rest();
        Assert.Equal(["one", "two"], _said);
    }

    [Fact]
    public void A_child_whose_failure_was_passed_on_is_answered_when_the_restart_that_followed_fails()
    {
        var supervisor = Start(new OneForOneStrategy(cause => cause is PostRestartException ? Directive.Resume : Directive.Restart));
        var failures = 1;
        StartBelow(supervisor, script =>
        {
            script.Strategy = new OneForOneStrategy(_ => Directive.Escalate);
            var child = script.Context.Child("child");
            if (child.IsNobody())
            {
                script.Context.ActorOf(
                    Scripted.Props(below =>
                    {
                        below.On("fail", () => throw new ExpectedException());
                        below.OnPostRestart = _ => _said.Add("restarted");
                    }),
                    "child");
            }
            script.OnPreRestart = (_, _) => { };
            script.OnPostRestart = _ =>
            {
                if (failures-- > 0)
                    throw new ExpectedException();
            };
        });
        var child = _stepped.Find("supervisor", "parent", "child");
        child.Tell("fail", ActorRefs.NoSender);
        _stepped.Rest();
        Assert.Empty(_said);
        // It goes on like its parent, so what it does from now on counts.
        child.Tell("fail", ActorRefs.NoSender);
        _stepped.Rest();
        Assert.Equal(["restarted"], _said);
    }

    void TakeTurns(params IActorRef[] actors)
    {
        foreach (var actor in actors)
            _stepped.Turn(actor);
    }

    Props Saying() => Scripted.Props(script => script.On<string>(_said.Add));

    IActorRef Start(SupervisorStrategy strategy) => _stepped.System.ActorOf(Props.Create(() => new Supervisor(strategy)), "supervisor");

    void StartBelow(IActorRef supervisor, Action<Scripted.Script> write, bool rest = true)
    {
        _stepped.Rest();
        supervisor.Tell(new NamedProps(Scripted.Props(write), "parent"), ActorRefs.NoSender);
        if (rest)
            _stepped.Rest();
    }

    IActorRef Start(Action<Scripted.Script> write)
    {
        var actor = _stepped.System.ActorOf(Scripted.Props(write));
        _stepped.Rest();
        return actor;
    }
}

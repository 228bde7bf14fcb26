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

    IActorRef Start(Action<Scripted.Script> write)
    {
        var actor = _stepped.System.ActorOf(Scripted.Props(write));
        _stepped.Rest();
        return actor;
    }
}

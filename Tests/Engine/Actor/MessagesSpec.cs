namespace Mesh.Tests.Engine;

/// <summary>Marks and shapes of the messages and exceptions that the engine itself sends and throws.</summary>
public sealed class MessagesSpec : TestKit
{
    [Fact]
    public void What_stops_an_actor_or_speaks_for_the_engine_does_harm_when_it_comes_from_outside()
    {
        Assert.All(
            new object[] { PoisonPill.Instance, ReceiveTimeout.Instance, new Terminated(TestActor, true, false) },
            message => Assert.IsAssignableFrom<IPossiblyHarmful>(message));
        Assert.IsAssignableFrom<INoSerializationVerificationNeeded>(new Terminated(TestActor, true, false));
        Assert.IsAssignableFrom<INotInfluenceReceiveTimeout>(new Identify(1));
    }

    [Fact]
    public void Messages_are_equal_by_what_they_say()
    {
        Assert.Equal(new Identify(1), new Identify(1));
        Assert.NotEqual(new Identify(1), new Identify(2));
        Assert.Equal(new ActorIdentity(1, TestActor), new ActorIdentity(1, TestActor));
        Assert.NotEqual(new ActorIdentity(1, TestActor), new ActorIdentity(1, null!));
        Assert.Equal(new Terminated(TestActor, true, false), new Terminated(TestActor, true, false));
        Assert.NotEqual(new Terminated(TestActor, true, false), new Terminated(TestActor, false, false));
    }

    [Fact]
    public async Task An_outcome_is_a_message_and_only_a_failure_faults_an_ask()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("succeed", () => script.Sender.Tell(new Status.Success("done")));
            script.On("fail", () => script.Sender.Tell(new Status.Failure(new ExpectedException("because"), "state")));
        }));
        Assert.Equal("done", (await actor.Ask<Status.Success>("succeed", TimeSpan.FromSeconds(3))).Status);
        var fault = await Assert.ThrowsAsync<ExpectedException>(() => actor.Ask<Status.Success>("fail", TimeSpan.FromSeconds(3)));
        Assert.Equal("because", fault.Message);
        actor.Tell("fail");
        await ExpectMsgAsync<Status.Failure>(failure => Assert.Equal(("because", "state"), (failure.Cause.Message, failure.State)));
    }

    [Fact]
    public void Exceptions_of_the_engine_are_of_one_family()
    {
        Exception[] exceptions =
        [
            new ActorInitializationException(""), new ActorKilledException(""), new DeathPactException(TestActor),
            new InvalidActorNameException(""), new AskTimeoutException(""), new StashOverflowException(""),
            new IllegalActorStateException(""),
            new PreRestartException(TestActor, new ExpectedException("hook"), new ExpectedException("cause"), "message"),
            new PostRestartException(TestActor, new ExpectedException("hook"), new ExpectedException("cause")),
        ];
        Assert.All(exceptions, exception => Assert.IsAssignableFrom<AkkaException>(exception));
        Assert.All(exceptions[^2..], exception => Assert.IsAssignableFrom<ActorInitializationException>(exception));
        Assert.Equal("cause", ((PostRestartException)exceptions[^1]).OriginalCause!.Message);
        Assert.Equal(TestActor, ((DeathPactException)exceptions[2]).DeadActor);
    }
}

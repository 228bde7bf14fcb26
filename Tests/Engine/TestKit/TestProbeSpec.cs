namespace Mesh.Tests.Engine;

public sealed class TestProbeSpec : TestKit
{
    [Fact]
    public void TestProbe_should_equal_underlying_Ref()
    {
        var probe = CreateTestProbe();
        Assert.True(probe.Equals(probe.Ref));
        Assert.True(probe.Ref.Equals(probe));
        Assert.Single(new HashSet<IActorRef> { probe, probe.Ref });
        Assert.Equal(0, probe.CompareTo(probe.Ref));
        Assert.Equal(probe.Ref.Path, probe.Path);
    }

    [Theory]
    [InlineData("TestProbe_should_send_Terminated_when_killed", false, false)]
    [InlineData("TestProbe_underlying_Ref_should_be_equivalent_to_TestProbe", true, false)]
    [InlineData("TestProbe_underlying_Ref_should_send_Terminated_when_killed", true, true)]
    public async Task A_probe_is_watched_like_its_reference(string name, bool watchesRef, bool stopsRef)
    {
        var probe = CreateTestProbe();
        await WatchAsync(watchesRef ? probe.Ref : probe);
        Sys.Stop(stopsRef ? probe.Ref : probe);
        await ExpectTerminatedAsync(probe);
        Assert.StartsWith("TestProbe", name);
    }

    [Fact]
    public async Task TestProbe_should_create_a_child_when_invoking_ChildActorOf()
    {
        var probe = CreateTestProbe();
        var child = await probe.ChildActorOfAsync(Props.Empty);
        Assert.Equal(probe.Ref.Path, child.Path.Parent);
        Assert.Equal("actorName", probe.ChildActorOf<Echo>("actorName").Path.Name);
    }

    [Fact]
    public async Task TestProbe_restart_a_failing_child_if_the_given_supervisor_says_so()
    {
        var probe = CreateTestProbe();
        var stopping = await probe.ChildActorOfAsync(Failing(), supervisorStrategy: SupervisorStrategy.StoppingStrategy);
        var restarting = await probe.ChildActorOfAsync(Failing(), supervisorStrategy: SupervisorStrategy.DefaultStrategy);
        await WatchAsync(stopping);
        stopping.Tell("fail");
        await ExpectTerminatedAsync(stopping);
        restarting.Tell("fail");
        await ExpectMsgAsync("restarted");
    }

    [Fact]
    public async Task The_sender_of_what_was_taken_last_is_who_is_answered()
    {
        var (probe, one, two) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        one.Send(probe, "from one");
        two.Send(probe, "from two");
        await probe.ExpectMsgAsync("from one");
        Assert.Equal(one.Ref, probe.Sender);
        probe.Reply("to one");
        await one.ExpectMsgFromAsync(probe.Ref, "to one");
        await probe.ExpectMsgAsync("from two");
        probe.Forward(one, "instead");
        await one.ExpectMsgFromAsync(two.Ref, "instead");
        await two.ExpectNoMsgAsync(20);
    }

    [Fact]
    public async Task A_pilot_may_hand_over_or_go()
    {
        var probe = CreateTestProbe();
        var second = new DelegateAutoPilot((sender, message) =>
        {
            sender.Tell($"second: {message}", ActorRefs.NoSender);
            return AutoPilot.NoAutoPilot;
        });
        probe.SetAutoPilot(new DelegateAutoPilot((sender, message) =>
        {
            sender.Tell($"first: {message}", ActorRefs.NoSender);
            return second;
        }));
        foreach (var message in new[] { "a", "b", "c" })
            probe.Ref.Tell(message);
        await ExpectMsgAsync("first: a");
        await ExpectMsgAsync("second: b");
        await probe.ExpectMsgAsync("a");
        await probe.ExpectMsgAsync("b");
        // Also what nobody pilots is there to be expected.
        await probe.ExpectMsgAsync("c");
        await ExpectNoMsgAsync(20);
    }

    Props Failing() => Scripted.Props(script =>
    {
        script.OnPostRestart = _ => TestActor.Tell("restarted");
        script.On("fail", () => throw new ExpectedException());
    });

    sealed class Echo : UntypedActor
    {
        protected override void OnReceive(object message) => Sender.Tell(message);
    }
}

public sealed class ImplicitSenderSpec : TestKit
{
    [Fact]
    public async Task ImplicitSender_should_have_testActor_as_sender()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => TestActor.Tell(script.Sender, ActorRefs.NoSender))));
        actor.Tell("message");
        await ExpectMsgAsync(TestActor);
        actor.Tell("message");
        await ExpectMsgAsync(TestActor);
        // In an actor it is that actor that sends, not the test.
        var other = Sys.ActorOf(Scripted.Props(script => script.OnAny(actor.Tell)));
        other.Tell("message");
        await ExpectMsgAsync(other);
    }

    [Fact]
    public async Task ImplicitSender_should_not_change_when_creating_Testprobes()
    {
        CreateTestProbe();
        TestActor.Tell("message");
        await ReceiveOneAsync();
        Assert.Equal(TestActor, LastSender);
    }

    [Fact]
    public async Task Should_not_deadlock_when_using_ReceiveAsync_with_ConfigureAwait_false()
    {
        var probe = CreateTestProbe();
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAsync<string>(async text =>
        {
            await Task.Delay(1);
            script.Sender.Tell(text + "1");
            script.Sender.Tell(text + "2");
        })));
        actor.Tell("hello", probe);
        await ExpectAsync().ConfigureAwait(true);

        async Task ExpectAsync()
        {
            Assert.Equal("hello1", await probe.ExpectMsgAsync<string>().ConfigureAwait(false));
            Assert.Equal("hello2", await probe.ExpectMsgAsync<string>().ConfigureAwait(false));
        }
    }
}

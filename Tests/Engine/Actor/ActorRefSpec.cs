namespace Mesh.Tests.Engine;

public sealed class ActorRefSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Fact]
    public void An_ActorRef_should_equal_itself_and_not_another()
    {
        var one = Sys.ActorOf(Props.Empty, "one");
        var two = Sys.ActorOf(Props.Empty, "two");
        Assert.Equal(one, one);
        Assert.NotEqual(one, two);
        Assert.Equal("/user/one", one.Path.ToStringWithoutAddress());
        Assert.Equal("one", one.Path.Name);
        Assert.Equal("user", one.Path.Parent.Name);
    }

    [Fact]
    public async Task A_namesake_of_another_incarnation_is_not_equal()
    {
        var first = Sys.ActorOf(Props.Empty, "name");
        await first.GracefulStop(Patience);
        IActorRef second = ActorRefs.Nobody;
        await AwaitAssertAsync(() => second = Sys.ActorOf(Props.Empty, "name"));
        Assert.Equal(first.Path, second.Path);
        Assert.NotEqual(first.Path.Uid, second.Path.Uid);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void An_ActorRef_should_not_allow_actors_to_be_created_outside_an_ActorOf() =>
        Assert.Throws<ActorInitializationException>(() => new Plain());

    [Fact]
    public async Task Nor_within_another_actor()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ =>
            script.Sender.Tell(Record.Exception(() => new Plain())!.GetType()))));
        actor.Tell("make one");
        await ExpectMsgAsync(typeof(ActorInitializationException));
    }

    [Fact]
    public async Task An_ActorRef_should_restart_when_Killed()
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Strategy = new OneForOneStrategy(_ => Directive.Restart);
            var child = script.Context.ActorOf(Scripted.Props(each =>
            {
                each.OnPreRestart = (_, _) => TestActor.Tell("preRestart");
                each.OnPostRestart = _ => TestActor.Tell("postRestart");
            }));
            child.Tell(Kill.Instance);
        }));
        Assert.NotNull(actor);
        await ExpectMsgAsync("preRestart");
        await ExpectMsgAsync("postRestart");
    }

    [Fact]
    public async Task An_ActorRef_should_stop_when_sent_a_poison_pill()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(message => script.Sender.Tell(message))));
        await WatchAsync(actor);
        actor.Tell("before");
        actor.Tell(PoisonPill.Instance);
        await ExpectMsgAsync("before");
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task An_ActorRef_should_support_nested_ActorOfs()
    {
        var outer = Sys.ActorOf(Scripted.Props(script =>
        {
            var inner = script.Context.ActorOf(Scripted.Props(child => child.OnAny(_ => child.Sender.Tell("inner"))), "inner");
            script.On("self", () => script.Sender.Tell(script.Self));
            script.OnAny(inner.Forward);
        }), "outer");
        Assert.Equal("inner", await outer.Ask<string>("hi", Patience));
        Assert.Equal(outer, await outer.Ask<IActorRef>("self", Patience));
    }

    [Fact]
    public async Task An_ActorRef_should_support_advanced_nested_ActorOfs()
    {
        // The inner actor is started in the middle of the outer constructor, and the outer one is itself again afterwards.
        var outer = Sys.ActorOf(Scripted.Props(script =>
        {
            var before = script.Self;
            var inner = script.Context.ActorOf(Scripted.Props(child =>
            {
                var innermost = child.Context.ActorOf(Scripted.Props(last => last.OnAny(_ => last.Sender.Tell("innermost"))), "innermost");
                child.On("deeper", () => innermost.Forward("hi"));
                child.OnAny(_ => child.Sender.Tell(child.Context.Parent));
            }), "inner");
            Assert.Equal(before, script.Self);
            script.OnAny(inner.Forward);
        }), "outer");
        Assert.Equal(outer, await outer.Ask<IActorRef>("parent?", Patience));
        Assert.Equal("innermost", await outer.Ask<string>("deeper", Patience));
    }

    [Fact]
    public async Task An_ActorRef_should_support_reply_via_Sender()
    {
        var serving = Sys.ActorOf(Scripted.Props(script => script.OnAny(message => script.Sender.Tell($"served {message}"))));
        var client = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("work", () => serving.Tell("meal"));
            script.OnAny(message => TestActor.Tell((message, script.Sender)));
        }));
        client.Tell("work");
        await ExpectMsgAsync<(object, IActorRef)>(("served meal", serving));
    }

    [Fact]
    public async Task An_ActorRef_should_support_ActorOfs_where_actor_class_is_not_public()
    {
        Sys.ActorOf(Hidden.Make()).Tell("hello");
        await ExpectMsgAsync("hello");
    }

    [Fact]
    public async Task An_ActorRef_should_equal_another_ActorRef_instance_with_same_path()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Sender.Tell(script.Self))));
        Assert.Equal(actor, await actor.Ask<IActorRef>("self", Patience));
        Assert.Equal(actor, (await actor.Ask<ActorIdentity>(new Identify(1), Patience)).Subject);
        Assert.Equal(0, actor.CompareTo(await actor.Ask<IActorRef>("self", Patience)));
        Assert.Equal(actor.GetHashCode(), (await actor.Ask<IActorRef>("self", Patience)).GetHashCode());
    }

    [Fact]
    public void References_have_an_order()
    {
        var (one, two) = (Sys.ActorOf(Props.Empty, "a"), Sys.ActorOf(Props.Empty, "b"));
        Assert.True(one.CompareTo(two) < 0);
        Assert.True(two.CompareTo(one) > 0);
        Assert.True(one.CompareTo((object?)null) > 0);
        Assert.Throws<ArgumentException>(() => one.CompareTo("a"));
    }

    [Fact]
    public void Nobody_takes_everything_and_gives_way_to_somebody()
    {
        var somebody = Sys.ActorOf(Props.Empty);
        ActorRefs.Nobody.Tell("into the void");
        Assert.True(ActorRefs.Nobody.IsNobody());
        Assert.True(((IActorRef?)null).IsNobody());
        Assert.False(somebody.IsNobody());
        Assert.Equal(somebody, ActorRefs.Nobody.GetOrElse(() => somebody));
        Assert.Equal(somebody, somebody.GetOrElse(() => throw new ExpectedException()));
    }

    [Fact]
    public async Task What_is_forwarded_keeps_its_sender()
    {
        var last = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => script.Sender.Tell("answer"))));
        var middle = Sys.ActorOf(Scripted.Props(script => script.OnAny(last.Forward)));
        middle.Tell("question");
        await ExpectMsgAsync("answer");
        Assert.Equal(last, LastSender);
    }

    [Fact]
    public async Task ActorOf_returns_before_the_constructor_has_run()
    {
        using var go = new ManualResetEventSlim();
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            Assert.True(go.Wait(TimeSpan.FromSeconds(5)));
            script.OnAny(message => script.Sender.Tell(message));
        }));
        actor.Tell("sent before");
        Assert.False(HasMessages);
        go.Set();
        await ExpectMsgAsync("sent before");
    }

    [Fact]
    public async Task An_ActorRef_should_be_able_to_check_for_existence_of_the_children()
    {
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.Context.ActorOf(Props.Empty, "child");
            script.On<string>(name => script.Sender.Tell(!script.Context.Child(name).IsNobody()));
        }));
        Assert.True(await parent.Ask<bool>("child", Patience));
        Assert.False(await parent.Ask<bool>("whatnot", Patience));
    }

    [Fact]
    public async Task An_ActorRef_should_never_have_a_null_Sender_Bug_1212()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ => TestActor.Tell(script.Sender))));
        actor.Tell("from nobody", ActorRefs.NoSender);
        await ExpectMsgAsync(Sys.DeadLetters);
    }

    [Fact]
    public async Task Identify_is_answered_by_the_engine()
    {
        var actor = Sys.ActorOf(Props.Empty);
        actor.Tell(new Identify(7));
        await ExpectMsgAsync(new ActorIdentity(7, actor));
        Sys.DeadLetters.Tell(new Identify(8));
        await ExpectMsgAsync(new ActorIdentity(8, null!));
    }

    [Fact]
    public async Task Context_outside_of_a_turn_throws()
    {
        var actor = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ =>
        {
            var sender = script.Sender;
            Task.Run(() => sender.Tell(Record.Exception(() => script.Context)!.GetType()));
        })));
        actor.Tell("try");
        await ExpectMsgAsync(typeof(NotSupportedException));
    }

    sealed class Plain : UntypedActor
    {
        protected override void OnReceive(object message) { }
    }

    sealed class Hidden : UntypedActor
    {
        Hidden() { }

        public static Props Make() => Props.Create(() => new Hidden());

        protected override void OnReceive(object message) => Sender.Tell(message);
    }
}

public sealed class LocalActorRefProviderSpec : TestKit
{
    [Fact]
    public async Task An_ActorRefFactory_must_only_create_one_instance_of_an_actor_with_a_specific_address_in_a_concurrent_environment()
    {
        for (var round = 0; round < 100; round++)
        {
            var name = $"new-actor{round}";
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                try
                {
                    return Sys.ActorOf(Props.Empty, name);
                }
                catch (InvalidActorNameException)
                {
                    return null;
                }
            })));
            Assert.Single(outcomes, outcome => outcome is not null);
        }
    }

    [Fact]
    public async Task An_ActorRefFactory_must_only_create_one_instance_of_an_actor_from_within_the_same_message_invocation()
    {
        var parent = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ =>
        {
            script.Context.ActorOf(Props.Empty, "duplicate");
            script.Context.ActorOf(Props.Empty, "duplicate");
        })));
        await EventFilter.Exception<InvalidActorNameException>().ExpectOneAsync(() =>
        {
            parent.Tell("go");
            return Task.CompletedTask;
        });
    }

    [Theory]
    [InlineData("")]
    [InlineData("$hallo")]
    [InlineData("a%")]
    [InlineData("%3")]
    [InlineData("%xx")]
    [InlineData("%0G")]
    [InlineData("%gg")]
    [InlineData("%1t")]
    [InlineData("a?")]
    [InlineData("üß")]
    [InlineData("with/slash")]
    public void An_ActorRefFactory_must_throw_suitable_exceptions_for_malformed_actor_names(string name) =>
        Assert.Throws<InvalidActorNameException>(() => Sys.ActorOf(Props.Empty, name));

    [Theory]
    [InlineData("a%3A")]
    [InlineData("-_.*+:@&=,!~';()$")]
    public void Names_of_allowed_symbols_are_taken(string name) => Assert.Equal(name, Sys.ActorOf(Props.Empty, name).Path.Name);

    [Fact]
    public async Task Anonymous_actors_are_named_in_order()
    {
        var parent = Sys.ActorOf(Scripted.Props(script => script.OnAny(_ =>
        {
            for (var number = 0; number < 66; number++)
                script.Sender.Tell(script.Context.ActorOf(Props.Empty).Path.Name);
        })));
        parent.Tell("go");
        var names = await ReceiveNAsync(66).Select(name => (string)name).ToListAsync();
        Assert.Equal(["$a", "$b", "$c"], names[..3]);
        Assert.Equal(["$~", "$ab", "$bb"], names[63..]);
    }

    [Fact]
    public async Task A_name_is_reserved_until_the_parent_knows_of_the_end()
    {
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            script.On("go", () =>
            {
                var child = script.Context.ActorOf(Props.Empty, "child");
                script.Context.Watch(child);
                script.Context.Stop(child);
                TestActor.Tell(Record.Exception(() => script.Context.ActorOf(Props.Empty, "child"))!.GetType());
            });
            script.On<Terminated>(_ => TestActor.Tell(script.Context.ActorOf(Props.Empty, "child").Path.Name));
        }));
        parent.Tell("go");
        await ExpectMsgAsync(typeof(InvalidActorNameException));
        await ExpectMsgAsync("child");
    }
}

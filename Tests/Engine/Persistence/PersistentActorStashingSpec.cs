namespace Mesh.Tests.Engine.Persistence;

public sealed class PersistentActorStashingSpec : TestKit
{
    private const string Id = "entity";

    [Fact]
    public async Task PersistentActor_should_support_user_stash_operations()
    {
        var entity = Start((e, cmd) =>
        {
            if (cmd is "a" && ++e.Counter == 1)
            {
                e.Stash.Stash();
                return;
            }

            if (cmd is "c")
                e.Stash.UnstashAll();
            e.Reply(cmd);
        });
        Send(entity, "a", "b", "c");
        await ExpectTextsAsync("b", "c", "a");
    }

    [Fact]
    public async Task PersistentActor_should_support_user_stash_operations_within_handler()
    {
        var entity = Start((e, cmd) =>
        {
            if (cmd is "a" && ++e.Counter == 1)
            {
                e.Stash.Stash();
                return;
            }

            e.Persist(new Evt(cmd), evt =>
            {
                if (cmd is "c")
                    e.Stash.UnstashAll();
                e.Reply(evt.Data);
            });
        });
        Send(entity, "a", "b", "c");
        await ExpectTextsAsync("b", "c", "a");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PersistentActor_should_support_user_stash_operations_with_several_stashed_messages(bool withinHandler)
    {
        var entity = Start(StashUntilC(withinHandler));
        for (var i = 0; i < 10; i++)
            Send(entity, "a", "b-1", "b-2", "c");
        await StateIsAsync(entity, string.Join(' ', Enumerable.Repeat("a c b-1 b-2", 10)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PersistentActor_should_support_user_stash_operations_under_failures(bool withinHandler)
    {
        var failed = false;
        var inner = StashUntilC(withinHandler, beforePersist: cmd =>
        {
            if (cmd is "b-2" && !failed)
            {
                failed = true;
                throw new TestException("b-2");
            }
        });
        var entity = Start(inner);
        Send(entity, ["a", .. Enumerable.Range(1, 10).Select(i => $"b-{i}"), "c"]);

        // The failing message is gone; what was stashed behind it is not.
        await StateIsAsync(entity, "a c b-1 b-3 b-4 b-5 b-6 b-7 b-8 b-9 b-10");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stashing_in_a_PersistentActor_mixed_with_PersistAsync_should_handle_async_callback_not_happening_until_next_message_has_been_stashed(
        bool withinHandler)
    {
        var stashed = false;
        var entity = Start((e, cmd) =>
        {
            switch (cmd)
            {
                case "b" when !stashed:
                    e.Stash.Stash();
                    stashed = true;
                    break;
                case "c" when withinHandler:
                    e.PersistAsync(new Evt(cmd), evt =>
                    {
                        e.Apply(evt);
                        e.Stash.UnstashAll();
                    });
                    break;
                case "c":
                    e.PersistAsync(new Evt(cmd), e.Apply);
                    e.Stash.UnstashAll();
                    break;
                default:
                    e.PersistAsync(new Evt(cmd), e.Apply);
                    break;
            }
        });
        Send(entity, "a", "b", "c");
        await AwaitAssertAsync(async () => await StateIsAsync(entity, "a c b"));
    }

    [Fact]
    public async Task Commands_keep_their_order_through_many_interleaved_writes()
    {
        var entity = Start((e, cmd) =>
        {
            switch (e.Counter++ % 3)
            {
                case 0:
                    e.Persist(new Evt(cmd), e.Apply);
                    break;
                case 1:
                    e.PersistAsync(new Evt(cmd), e.Apply);
                    break;
                default:
                    e.Persist(new Evt(cmd), _ => { });
                    e.PersistAsync(new Evt(cmd), e.Apply);
                    break;
            }
        });
        var all = Enumerable.Range(0, 3000).Select(i => $"{i}").ToArray();
        Send(entity, all);
        await AwaitAssertAsync(async () => await StateIsAsync(entity, string.Join(' ', all)));
    }

    private static Action<Entity, object> StashUntilC(bool withinHandler, Action<object>? beforePersist = null)
    {
        return First;

        void First(Entity e, object cmd)
        {
            beforePersist?.Invoke(cmd);
            if (cmd is not "a")
            {
                e.Persist(new Evt(cmd), e.Apply);
            }
            else if (withinHandler)
            {
                e.Persist(new Evt(cmd), evt =>
                {
                    e.Apply(evt);
                    e.Become((changed, message) => WaitForC(changed, ((Cmd)message).Data));
                });
            }
            else
            {
                e.Persist(new Evt(cmd), e.Apply);
                e.Become((changed, message) => WaitForC(changed, ((Cmd)message).Data));
            }
        }

        void WaitForC(Entity e, object cmd)
        {
            if (cmd is not "c")
            {
                e.Stash.Stash();
            }
            else if (withinHandler)
            {
                e.Persist(new Evt(cmd), evt =>
                {
                    e.Apply(evt);
                    e.Stash.UnstashAll();
                });
                e.Unbecome();
            }
            else
            {
                e.Persist(new Evt(cmd), e.Apply);
                e.Stash.UnstashAll();
                e.Unbecome();
            }
        }
    }

    private void Send(IActorRef entity, params string[] commands)
    {
        foreach (var command in commands)
            entity.Tell(new Cmd(command), TestActor);
    }

    private IActorRef Start(Action<Entity, object> command) =>
        Sys.ActorOf(Entity.Of(Id, (e, message) => command(e, ((Cmd)message).Data)));

    private async Task StateIsAsync(IActorRef entity, string expected)
    {
        entity.Tell(GetState.Instance, TestActor);
        await ExpectMsgAsync(expected);
    }

    private async Task ExpectTextsAsync(params string[] expected)
    {
        foreach (var text in expected)
            await ExpectMsgAsync(text);
    }
}

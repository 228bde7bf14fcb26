namespace Mesh.Tests.Engine.Persistence;

/// <summary>Command handlers that run to their end at once.</summary>
public sealed class PersistentActorSpec() : PersistentActorSpecBase(runsAsync: false);

/// <summary>The same with command handlers that await.</summary>
public sealed class PersistentActorSpecAsyncAwait() : PersistentActorSpecBase(runsAsync: true);

public abstract partial class PersistentActorSpecBase(bool runsAsync)
    : TestKit("akka.persistence.snapshot-store.plugin = akka.persistence.snapshot-store.inmem"), IAsyncLifetime
{
    private const string Id = "entity";

    /// <summary>The events a-1 and a-2 are there before each test.</summary>
    public async Task InitializeAsync()
    {
        var entity = StartTwoEvents();
        entity.Tell(new Cmd("a"));
        await StateIsAsync(entity, "a-1 a-2");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task PersistentActor_should_fail_fast_if_persistenceId_is_null()
    {
        var entity = Sys.ActorOf(Entity.Of(null!, (_, _) => { }));
        await WatchAsync(entity);
        await ExpectTerminatedAsync(entity);
    }

    [Fact]
    public async Task PersistentActor_should_recover_from_persisted_events() => await StateIsAsync(StartTwoEvents(), "a-1 a-2");

    [Fact]
    public async Task PersistentActor_should_handle_multiple_emitted_events_in_correct_order_for_single_persist_call()
    {
        var entity = StartTwoEvents();
        entity.Tell(new Cmd("b"));
        await StateIsAsync(entity, "a-1 a-2 b-1 b-2");
    }

    [Fact]
    public async Task PersistentActor_should_handle_multiple_emitted_events_in_correct_order_for_multiple_persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.PersistAll([new Evt($"{cmd}-1"), new Evt($"{cmd}-2")], e.Apply);
            e.PersistAll([new Evt($"{cmd}-3"), new Evt($"{cmd}-4")], e.Apply);
        });
        entity.Tell(new Cmd("b"));
        await StateIsAsync(entity, "a-1 a-2 b-1 b-2 b-3 b-4");
    }

    [Fact]
    public async Task PersistentActor_should_receive_emitted_events_immediately_after_command()
    {
        var entity = StartAppliesBeforehand();
        entity.Tell(new Cmd("b"));
        entity.Tell(new Cmd("c"));
        await StateIsAsync(entity, "a-1 a-2 b-10 b-11 b-12 c-10 c-11 c-12");
    }

    [Fact]
    public async Task PersistentActor_should_recover_on_command_failure()
    {
        var entity = StartAppliesBeforehand();
        entity.Tell(new Cmd("b"));
        entity.Tell("boom");
        entity.Tell(new Cmd("c"));

        // b-10 was never an event, so the restart has forgotten it.
        await StateIsAsync(entity, "a-1 a-2 b-11 b-12 c-10 c-11 c-12");
    }

    [Fact]
    public async Task PersistentActor_should_allow_behavior_changes_in_event_handler_when_handling_first_event()
    {
        var entity = Start((e, cmd) => e.Persist(new Evt($"{cmd}-0"), evt =>
        {
            e.Apply(evt);
            e.Become(Second);
        }));
        await AlternatesAsync(entity, "a-1 a-2 b-0 c-21 c-22 d-0 e-21 e-22");

        static void Second(Entity e, object message)
        {
            e.Persist(new Evt($"{Data(message)}-21"), evt =>
            {
                e.Apply(evt);
                e.Unbecome();
            });
            e.Persist(new Evt($"{Data(message)}-22"), e.Apply);
        }
    }

    [Fact]
    public async Task PersistentActor_should_allow_behavior_changes_in_event_handler_when_handling_the_last_event()
    {
        var entity = Start((e, cmd) => e.Persist(new Evt($"{cmd}-0"), evt =>
        {
            e.Apply(evt);
            e.Become(Second);
        }));
        await AlternatesAsync(entity, "a-1 a-2 b-0 c-21 c-22 d-0 e-21 e-22");

        static void Second(Entity e, object message)
        {
            e.Persist(new Evt($"{Data(message)}-21"), e.Apply);
            e.Persist(new Evt($"{Data(message)}-22"), evt =>
            {
                e.Apply(evt);
                e.Unbecome();
            });
        }
    }

    [Fact]
    public async Task PersistentActor_should_allow_behavior_changes_in_event_handler_as_first_action()
    {
        var entity = Start((e, cmd) =>
        {
            e.Become(Second);
            e.Persist(new Evt($"{cmd}-0"), e.Apply);
        });
        await AlternatesAsync(entity, "a-1 a-2 b-0 c-30 c-31 c-32 d-0 e-30 e-31 e-32");

        static void Second(Entity e, object message)
        {
            e.Unbecome();
            e.PersistAll([new Evt($"{Data(message)}-31"), new Evt($"{Data(message)}-32")], e.Apply);
            e.Apply(new Evt($"{Data(message)}-30"));
        }
    }

    [Fact]
    public async Task PersistentActor_should_allow_behavior_changes_in_event_handler_as_last_action()
    {
        var entity = Start((e, cmd) =>
        {
            e.Persist(new Evt($"{cmd}-0"), e.Apply);
            e.Become(Second);
        });
        await AlternatesAsync(entity, "a-1 a-2 b-0 c-30 c-31 c-32 d-0 e-30 e-31 e-32");

        static void Second(Entity e, object message)
        {
            e.PersistAll([new Evt($"{Data(message)}-31"), new Evt($"{Data(message)}-32")], e.Apply);
            e.Apply(new Evt($"{Data(message)}-30"));
            e.Unbecome();
        }
    }

    [Fact]
    public async Task PersistentActor_should_support_snapshotting()
    {
        await SaveSnapshotBetweenCommandsAsync();
        var recovered = StartSnapshotting();
        await ExpectMsgAsync("offered");
        await StateIsAsync(recovered, "a-1 a-2 b-1 b-2 c-1 c-2");
    }

    [Fact]
    public async Task PersistentActor_should_support_Context_Become_during_recovery()
    {
        await SaveSnapshotBetweenCommandsAsync();
        var probe = TestActor;
        var recovered = Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            Recover = (e, message) =>
            {
                if (message is SnapshotOffer)
                {
                    e.Become((_, command) => probe.Tell($"changed by {command}"));

                    // Also shows that what is sent during recovery waits for its end.
                    e.Self.Tell("myself");
                }

                return false;
            },
        }));
        await ExpectMsgAsync("changed by myself");
        await StateIsAsync(recovered, "a-1 a-2 b-1 b-2 c-1 c-2");
    }

    [Fact]
    public async Task PersistentActor_should_be_able_to_reply_within_an_event_handler()
    {
        Start((e, _) => e.Persist(new Evt("a"), evt => e.Reply(evt.Data))).Tell(new Cmd("a"));
        await ExpectMsgAsync("a");
    }

    [Fact]
    public async Task PersistentActor_should_be_able_to_persist_value_types_as_events()
    {
        Start((e, _) => e.Persist(5L, number => e.Reply(number))).Tell(new Cmd("a"));
        await ExpectMsgAsync(5L);
    }

    [Fact]
    public async Task PersistentActor_should_receive_RecoveryFinished_if_it_is_handled_after_all_events_have_been_replayed()
    {
        await SaveSnapshotBetweenCommandsAsync();
        var probe = TestActor;
        var recovered = Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            Command = (_, message) => probe.Tell(message),
            Recover = (e, message) =>
            {
                if (message is SnapshotOffer)
                {
                    e.Self.Tell("I am the stashed");
                    return false;
                }

                if (message is not RecoveryCompleted)
                    return false;
                probe.Tell(message);
                e.Self.Tell("I am the recovered");
                e.Apply(new Evt("completed"));
                return true;
            },
        }));
        await ExpectMsgAsync<RecoveryCompleted>();
        await ExpectTextsAsync("I am the stashed", "I am the recovered");
        await StateIsAsync(recovered, "a-1 a-2 b-1 b-2 c-1 c-2 completed");
    }

    [Fact]
    public async Task PersistentActor_should_preserve_order_of_incoming_messages()
    {
        using var latch = new ManualResetEventSlim();
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            if (cmd is "b")
                latch.Wait(TimeSpan.FromSeconds(10));
            e.PersistAsync(new Evt(cmd), _ => { });
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        entity.Tell(new Cmd("c"));
        await ExpectTextsAsync("a", "b");
        entity.Tell(new Cmd("d"));
        latch.Set();
        await ExpectTextsAsync("c", "d");
    }

    [Fact]
    public async Task PersistentActor_should_be_able_to_delete_events()
    {
        var entity = StartDeleting();
        entity.Tell(new Cmd("b"));
        await StateIsAsync(entity, "a-1 a-2 b-1 b-2");
        entity.Tell(2L);
        await ExpectMsgAsync(new DeleteMessagesSuccess(2));
        entity.Tell("boom");
        await StateIsAsync(entity, "b-1 b-2");
    }

    [Fact]
    public async Task PersistentActor_should_be_able_to_delete_all_events()
    {
        var entity = StartDeleting();
        entity.Tell(new Cmd("b"));
        entity.Tell(long.MaxValue);
        await ExpectMsgAsync(new DeleteMessagesSuccess(4));
        entity.Tell("boom");
        await StateIsAsync(entity, "");
        entity.Tell(new Cmd("c"));
        entity.Tell("number");
        await ExpectMsgAsync(6L);
    }

    [Fact]
    public async Task PersistentActor_should_not_be_able_to_delete_higher_seqnr_than_current()
    {
        var entity = StartDeleting();
        entity.Tell(5L);
        Assert.Equal("Events up to 5 cannot be deleted, the last one is 2.", (await ExpectMsgAsync<DeleteMessagesFailure>()).Cause.Message);
        entity.Tell("boom");
        await StateIsAsync(entity, "a-1 a-2");
    }

    [Fact]
    public async Task PersistentActor_should_brecover_the_message_which_caused_the_restart()
    {
        var probe = TestActor;
        var entity = Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            OnPreRestart = (_, reason, message) => probe.Tell($"failed with {reason.GetType().Name} while processing {message}"),
        }));
        entity.Tell("boom");
        await ExpectMsgAsync("failed with TestException while processing boom");
    }

    [Fact]
    public async Task PersistentActor_should_be_able_to_persist_events_that_happen_during_recovery()
    {
        var entity = Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            Async = runsAsync,
            Command = (e, message) => e.Persist(new Evt(((Cmd)message).Data), e.Apply),
            Recover = (e, message) =>
            {
                if (message is not RecoveryCompleted)
                    return false;
                e.PersistAll([new Evt("rc-1"), new Evt("rc-2")], e.Apply);
                e.PersistAsync(new Evt("rc-3"), e.Apply);
                return true;
            },
        }));
        entity.Tell(new Cmd("b"));
        await AwaitAssertAsync(async () => await StateIsAsync(entity, "a-1 a-2 rc-1 rc-2 rc-3 b"));
    }

    [Fact]
    public async Task PersistentActor_should_refuse_to_persist_while_recovering()
    {
        var refused = new List<string>();
        var entity = Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            Recover = (e, message) =>
            {
                if (message is not Evt { Data: "a-1" })
                    return false;
                foreach (var attempt in (Action[])[
                    () => e.Persist(1, _ => { }), () => e.PersistAll([1], _ => { }), () => e.PersistAsync(1, _ => { }),
                    () => e.PersistAllAsync([1], _ => { }), () => e.DeferAsync(1, _ => { })])
                {
                    refused.Add(Assert.Throws<InvalidOperationException>(attempt).Message);
                }

                return false;
            },
        }));
        await StateIsAsync(entity, "a-1 a-2");
        Assert.Equal(5, refused.Count);
    }

    private static object Data(object message) => ((Cmd)message).Data;

    private IActorRef Start(Action<Entity, object> command) => Sys.ActorOf(Entity.Of(Id, new Entity.Script
    {
        Async = runsAsync,
        Command = (e, message) => command(e, Data(message)),
    }));

    private IActorRef StartTwoEvents() => Start((e, cmd) => e.PersistAll([new Evt($"{cmd}-1"), new Evt($"{cmd}-2")], e.Apply));

    private IActorRef StartAppliesBeforehand() => Start((e, cmd) =>
    {
        e.PersistAll([new Evt($"{cmd}-11"), new Evt($"{cmd}-12")], e.Apply);
        e.Apply(new Evt($"{cmd}-10"));
    });

    private IActorRef StartPersistsAsyncThreeTimes() => Start((e, cmd) =>
    {
        e.Reply(cmd);
        var command = cmd.ToString()![2..];
        for (var k = 0; k < 3; k++)
            e.PersistAsync(new Evt($"a-{command}"), evt => e.Reply($"{evt.Data}-{++e.Counter}"));
    });

    private IActorRef StartDefersAroundAsync() => Start((e, cmd) =>
    {
        e.DeferAsync($"d-{cmd}-1", e.Reply);
        e.PersistAsync($"pa-{cmd}-2", e.Reply);
        e.DeferAsync($"d-{cmd}-3", e.Reply);
        e.DeferAsync($"d-{cmd}-4", e.Reply);
    });

    private IActorRef StartDeleting()
    {
        var probe = TestActor;
        return Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            Async = runsAsync,
            Command = (e, message) =>
            {
                switch (message)
                {
                    case Cmd cmd:
                        e.PersistAll([new Evt($"{cmd.Data}-1"), new Evt($"{cmd.Data}-2")], e.Apply);
                        break;
                    case long to:
                        e.DeleteMessages(to);
                        break;
                    case "number":
                        e.Reply(e.LastSequenceNr);
                        break;
                    default:
                        probe.Tell(message);
                        break;
                }
            },
        }));
    }

    private IActorRef StartSnapshotting()
    {
        var probe = TestActor;
        return Sys.ActorOf(Entity.Of(Id, new Entity.Script
        {
            Async = runsAsync,
            Command = (e, message) =>
            {
                switch (message)
                {
                    case Cmd cmd:
                        e.PersistAll([new Evt($"{cmd.Data}-1"), new Evt($"{cmd.Data}-2")], e.Apply);
                        break;
                    case "snap":
                        e.SaveSnapshot(e.Events.ToArray());
                        break;
                    case SaveSnapshotSuccess:
                        probe.Tell("saved");
                        break;
                }
            },
            Recover = (_, message) =>
            {
                if (message is SnapshotOffer)
                    probe.Tell("offered");
                return false;
            },
        }));
    }

    private async Task SaveSnapshotBetweenCommandsAsync()
    {
        var entity = StartSnapshotting();
        entity.Tell(new Cmd("b"));
        entity.Tell("snap");
        entity.Tell(new Cmd("c"));
        await ExpectMsgAsync("saved");
        await StateIsAsync(entity, "a-1 a-2 b-1 b-2 c-1 c-2");
    }

    private async Task AlternatesAsync(IActorRef entity, string expected)
    {
        foreach (var data in (string[])["b", "c", "d", "e"])
            entity.Tell(new Cmd(data));
        await StateIsAsync(entity, expected);
    }

    private async Task StateIsAsync(IActorRef entity, string expected)
    {
        entity.Tell(GetState.Instance, TestActor);
        await ExpectMsgAsync(expected);
    }

    private async Task ExpectTextsAsync(params string[] expected) => Assert.Equal(expected, await ReceiveTextsAsync(expected.Length));

    private async Task<List<string>> ReceiveTextsAsync(int count)
    {
        var texts = new List<string>();
        await foreach (var message in ReceiveNAsync(count))
            texts.Add((string)message);
        return texts;
    }
}

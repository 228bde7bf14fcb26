namespace Mesh.Tests.Engine.Persistence;

/// <summary>Command handlers that run to their end at once.</summary>
public sealed class PersistentActorSpec() : PersistentActorSpecBase(runsAsync: false);

/// <summary>The same with command handlers that await.</summary>
public sealed class PersistentActorSpecAsyncAwait() : PersistentActorSpecBase(runsAsync: true);

public abstract class PersistentActorSpecBase(bool runsAsync)
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
    public async Task PersistentActor_should_be_able_to_opt_out_from_stashing_messages_until_all_events_have_been_processed()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            e.PersistAsync(new Evt($"{cmd}-{++e.Counter}"), evt => e.Reply(evt.Data));
        });
        entity.Tell(new Cmd("x"));
        entity.Tell(new Cmd("y"));
        var answers = await ReceiveTextsAsync(4);
        Assert.Equal(["x", "y"], answers.Where(text => text.Length == 1));
        Assert.Equal(["x-1", "y-2"], answers.Where(text => text.Length == 3));
    }

    [Fact]
    public async Task PersistentActor_should_support_multiple_PersistAsync_calls_for_one_command_and_execute_them_when_possible_not_hindering_command_processing()
    {
        var entity = StartPersistsAsyncThreeTimes();
        for (var i = 1; i <= 10; i++)
            entity.Tell(new Cmd($"c-{i}"));
        var all = await ReceiveTextsAsync(40);
        Assert.Equal(Enumerable.Range(1, 10).Select(i => $"c-{i}"), all.Where(text => text.StartsWith('c')));
        Assert.Equal(Enumerable.Range(3, 30).Select(i => $"a-{i / 3}-{i - 2}"), all.Where(text => text.StartsWith('a')));
    }

    [Fact]
    public async Task PersistentActor_should_reply_to_the_original_sender_of_a_command_even_on_PersistAsync()
    {
        var entity = StartPersistsAsyncThreeTimes();
        var probes = Enumerable.Range(1, 10).Select(_ => CreateTestProbe()).ToList();
        for (var i = 1; i <= 10; i++)
            entity.Tell(new Cmd($"c-{i}"), probes[i - 1].Ref);
        for (var i = 1; i <= 10; i++)
        {
            await probes[i - 1].ExpectMsgAsync($"c-{i}");
            for (var k = 1; k <= 3; k++)
                await probes[i - 1].ExpectMsgAsync($"a-{i}-{(3 * (i - 1)) + k}");
        }
    }

    [Fact]
    public async Task PersistentActor_should_support_the_same_event_being_PersistAsynced_multiple_times()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            var evt = new Evt(cmd);
            e.PersistAsync(evt, stored => e.Reply($"{stored.Data}-a-{++e.Counter}"));
            e.PersistAsync(evt, stored => e.Reply($"{stored.Data}-b-{++e.Counter}"));
        });
        entity.Tell(new Cmd("x"));
        await ExpectTextsAsync("x", "x-a-1", "x-b-2");
    }

    [Fact]
    public async Task PersistentActor_should_support_calling_PersistAll_with_null()
    {
        var entity = Start((e, cmd) =>
        {
            if (cmd is "defer")
                e.DeferAsync("before", e.Reply);
            else
                e.Persist(new Evt(cmd), evt => e.Reply(evt.Data));
            e.Reply("around");
            e.PersistAll((IEnumerable<Evt>)null!, _ => throw new TestException("not to be called"));
            e.PersistAll([], (Evt _) => throw new TestException("not to be called"));
            e.DeferAsync("after", e.Reply);
        });
        entity.Tell(new Cmd("defer"));
        await ExpectTextsAsync("before", "around", "after");
        entity.Tell(new Cmd("persist"));
        await ExpectTextsAsync("around", "persist", "after");
    }

    [Fact]
    public async Task PersistentActor_should_support_a_mix_of_persist_calls_sync_async_sync_and_persist_calls_in_expected_order()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            e.Persist(new Evt($"{cmd}-e1"), evt => e.Reply($"{evt.Data}-{++e.Counter}"));
            e.PersistAsync(new Evt($"{cmd}-ea2"), evt => e.Reply($"{evt.Data}-{++e.Counter}"));
            e.Persist(new Evt($"{cmd}-e3"), evt => e.Reply($"{evt.Data}-{++e.Counter}"));
        });
        foreach (var data in (string[])["a", "b", "c"])
            entity.Tell(new Cmd(data));

        // The asynchronous one in the middle is held in order by the last.
        await ExpectTextsAsync("a", "a-e1-1", "a-ea2-2", "a-e3-3", "b", "b-e1-4", "b-ea2-5", "b-e3-6", "c", "c-e1-7", "c-ea2-8", "c-e3-9");
    }

    [Fact]
    public async Task PersistentActor_should_support_a_mix_of_persist_calls_sync_async_and_persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            e.Persist(new Evt($"{cmd}-e1"), evt => e.Reply($"{evt.Data}-{++e.Counter}"));
            e.PersistAsync(new Evt($"{cmd}-ea2"), evt => e.Reply($"{evt.Data}-{++e.Counter}"));
        });
        foreach (var data in (string[])["a", "b", "c"])
            entity.Tell(new Cmd(data));

        // The next command may overtake the asynchronous event of the one before, never the other.
        await ExpectTextsAsync("a", "a-e1-1");
        Assert.Equal(["a-ea2-2", "b"], (await ReceiveTextsAsync(2)).Order(StringComparer.Ordinal));
        await ExpectTextsAsync("b-e1-3");
        Assert.Equal(["b-ea2-4", "c"], (await ReceiveTextsAsync(2)).Order(StringComparer.Ordinal));
        await ExpectTextsAsync("c-e1-5", "c-ea2-6");
    }

    [Fact]
    public async Task PersistentActor_should_correlate_PersistAsync_handlers_after_restart()
    {
        var entity = Start((e, cmd) => e.PersistAsync(new Evt(cmd), evt =>
        {
            if (!cmd.Equals(evt.Data))
                e.Reply($"Expected {cmd} but got {evt.Data}");
            if (evt.Data is "done")
                e.Reply("done");
        }));
        for (var i = 1; i < 100; i++)
            entity.Tell(new Cmd(i));
        entity.Tell("boom");
        for (var i = 1; i < 20; i++)
            entity.Tell(new Cmd(i));
        entity.Tell(new Cmd("done"));
        await ExpectMsgAsync("done");
    }

    [Fact]
    public async Task PersistentActor_should_allow_deferring_handlers_in_order_to_provide_ordered_processing_in_respect_to_Persist_handlers()
    {
        var entity = Start((e, cmd) =>
        {
            e.DeferAsync("d-1", e.Reply);
            e.Persist($"{cmd}-2", e.Reply);
            e.DeferAsync("d-3", e.Reply);
            e.DeferAsync("d-4", e.Reply);
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("d-1", "a-2", "d-3", "d-4");
    }

    [Fact]
    public async Task PersistentActor_should_allow_deferring_handlers_in_order_to_provide_ordered_processing_in_respect_to_PersistAsync_handlers()
    {
        StartDefersAroundAsync().Tell(new Cmd("a"));
        await ExpectTextsAsync("d-a-1", "pa-a-2", "d-a-3", "d-a-4");
    }

    [Fact]
    public async Task PersistentActor_should_invoke_deferred_handlers_in_presence_of_mixed_a_long_series_Persist_and_PersistAsync_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Persist($"p-{cmd}-1", e.Reply);
            e.PersistAsync($"pa-{cmd}-2", e.Reply);
            e.DeferAsync($"d-{cmd}-3", e.Reply);
            e.DeferAsync($"d-{cmd}-4", e.Reply);
            e.PersistAsync($"pa-{cmd}-5", e.Reply);
            e.DeferAsync($"d-{cmd}-6", e.Reply);
        });
        var (one, two) = (CreateTestProbe(), CreateTestProbe());
        entity.Tell(new Cmd("a"), one.Ref);
        entity.Tell(new Cmd("b"), two.Ref);
        foreach (var (probe, data) in ((TestProbe, string)[])[(one, "a"), (two, "b")])
        {
            foreach (var expected in (string[])[$"p-{data}-1", $"pa-{data}-2", $"d-{data}-3", $"d-{data}-4", $"pa-{data}-5", $"d-{data}-6"])
                await probe.ExpectMsgAsync(expected);
        }
    }

    [Fact]
    public async Task PersistentActor_should_invoke_deferred_handlers_right_away_if_there_are_no_persist_handlers_registered()
    {
        var entity = Start((e, _) =>
        {
            e.DeferAsync("d-1", e.Reply);
            e.DeferAsync("d-2", e.Reply);
            e.Reply("after");
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("d-1", "d-2", "after");
    }

    [Fact]
    public async Task PersistentActor_should_invoke_deferred_handlers_preserving_the_original_sender_reference()
    {
        var entity = StartDefersAroundAsync();
        var (one, two) = (CreateTestProbe(), CreateTestProbe());
        entity.Tell(new Cmd("a"), one.Ref);
        entity.Tell(new Cmd("b"), two.Ref);
        foreach (var (probe, data) in ((TestProbe, string)[])[(one, "a"), (two, "b")])
        {
            foreach (var expected in (string[])[$"d-{data}-1", $"pa-{data}-2", $"d-{data}-3", $"d-{data}-4"])
                await probe.ExpectMsgAsync(expected);
        }
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
    public async Task PersistentActor_should_allow_multiple_Persists_with_nested_Persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.Persist($"{cmd}-outer-{i}", outer =>
                {
                    e.Reply(outer);
                    e.Persist($"{cmd}-inner-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        await ExpectTextsAsync(
            "a", "a-outer-1", "a-outer-2", "a-inner-1", "a-inner-2", "b", "b-outer-1", "b-outer-2", "b-inner-1", "b-inner-2");
    }

    [Fact]
    public async Task PersistentActor_should_allow_multiple_PersistAsyncs_with_nested_PersistAsync_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.PersistAsync($"{cmd}-outer-{i}", outer =>
                {
                    e.Reply(outer);
                    e.PersistAsync($"{cmd}-inner-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        var all = await ReceiveTextsAsync(10);
        foreach (var data in (string[])["a", "b"])
        {
            Assert.Equal(
                [data, $"{data}-outer-1", $"{data}-outer-2", $"{data}-inner-1", $"{data}-inner-2"],
                all.Where(text => text.StartsWith(data, StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task PersistentActor_should_allow_deeply_nested_Persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            Nest(e, cmd, 1);
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        await ExpectTextsAsync("a", "a-1", "a-2", "a-3", "a-4", "a-5", "a-6", "b", "b-1", "b-2", "b-3", "b-4", "b-5", "b-6");

        static void Nest(Entity e, object data, int depth) => e.Persist($"{data}-{depth}", stored =>
        {
            e.Reply(stored);
            if (depth < 6)
                Nest(e, data, depth + 1);
        });
    }

    [Fact]
    public async Task PersistentActor_should_allow_deeply_nested_PersistAsync_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            Nest(e, cmd, 1);
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        var all = await ReceiveTextsAsync(14);
        foreach (var data in (string[])["a", "b"])
        {
            Assert.Equal(
                Enumerable.Range(1, 6).Select(i => $"{data}-{i}").Prepend(data), all.Where(text => text.StartsWith(data, StringComparison.Ordinal)));
        }

        static void Nest(Entity e, object data, int depth) => e.PersistAsync($"{data}-{depth}", stored =>
        {
            e.Reply(stored);
            if (depth < 6)
                Nest(e, data, depth + 1);
        });
    }

    [Fact]
    public async Task PersistentActor_should_allow_mixed_nesting_of_PersistAsync_in_Persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.Persist($"{cmd}-outer-{i}", outer =>
                {
                    e.Reply(outer);
                    e.PersistAsync($"{cmd}-inner-async-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("a", "a-outer-1", "a-outer-2", "a-inner-async-1", "a-inner-async-2");
    }

    [Fact]
    public async Task PersistentActor_should_allow_mixed_nesting_of_Persist_in_PersistAsync_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.PersistAsync($"{cmd}-outer-async-{i}", outer =>
                {
                    e.Reply(outer);
                    e.Persist($"{cmd}-inner-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("a", "a-outer-async-1", "a-outer-async-2", "a-inner-1", "a-inner-2");
        entity.Tell(new Cmd("b"));
        await ExpectTextsAsync("b", "b-outer-async-1", "b-outer-async-2", "b-inner-1", "b-inner-2");
    }

    [Fact]
    public async Task PersistentActor_should_make_sure_Persist_retains_promised_semantics_when_nested_in_PersistAsync_callback()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            e.PersistAsync($"{cmd}-outer-async", outer =>
            {
                e.Reply(outer);

                // Is in the mailbox before the inner event is stored, and must wait for its handler all the same.
                e.Self.Tell(new Cmd("next"), e.Sender);
                e.Persist($"{cmd}-inner", inner =>
                {
                    e.Reply(inner);
                    e.Become((changed, _) => changed.Reply("done"));
                });
            });
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("a", "a-outer-async", "a-inner", "done");
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

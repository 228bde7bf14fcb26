namespace Mesh.Tests.Engine.Persistence;

// PersistAsync and DeferAsync: handlers that interleave with commands.
public abstract partial class PersistentActorSpecBase
{
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
}

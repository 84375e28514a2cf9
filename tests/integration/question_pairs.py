"""Short documents, and the questions that each of them alone answers: written by hand.

Neighbours share their words on purpose (three kettles, four return policies), and questions ask as
people do, with other words than the document's where they would.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A document and the questions that it answers."""

    name: str
    text: str
    questions: tuple[str, ...]


def documents() -> list[Document]:
    """All of them, in the order in which they stand below."""
    return [_document(block) for block in WRITTEN.strip().split("\n\n")]


def _document(block: str) -> Document:
    name, *lines = block.splitlines()
    questions = [line[2:] for line in lines if line.startswith("? ")]
    body = [line for line in lines if not line.startswith("? ")]
    return Document(name, " ".join(body), tuple(questions))


WRITTEN = """
Cleaning the dishwasher filter
Turn the cylinder at the bottom of the tub to the left and lift it out. Rinse the coarse and the
fine mesh under running water with a soft brush; never use steel wool. A clogged mesh leaves grit on
glasses and makes the machine smell. Do this once a month, or every week if you do not scrape plates
before loading them.
? why are my glasses gritty after a wash cycle
? how often should I clean the filter in the dishwasher

Dishwasher shows E15
The code E15 means that water has collected in the base pan and the float switch has stopped the
machine. Close the tap, pull the plug and tip the appliance back by 45 degrees so that the water
runs out. If the code returns, a hose clamp or the pump seal leaks and a technician must come.
? what does error E15 mean on my dishwasher
? there is water in the base of the machine, can I fix it myself

Dishwasher salt and rinse aid
The softener needs coarse regeneration salt, never table salt. Fill the container until brine
overflows, then run a short programme at once so that the steel does not rust. Rinse aid goes into
the flap beside the tablet compartment. White film on plates means too little salt, blue streaks
mean too much rinse aid.
? can I put ordinary table salt in the softener
? blue streaks on the plates after washing, what is wrong

Washing machine does not spin
A load of one heavy piece, such as a bath mat, cannot be balanced, so the drum turns slowly and the
wash stays wet. Add two or three towels and choose spin again. Also look at the drain: if the pump
cannot empty the drum, the machine will refuse to spin at all.
? clothes come out soaking wet at the end of the programme
? the drum will not spin with only a bath mat in it

Washing machine pump filter
Behind the small door at the lower right is the pump. Let hot suds cool, put a flat dish under the
hose, pull out its stopper and drain. Unscrew the lid, take out coins, hair pins and fluff, and turn
the impeller with a finger: it should jerk but not stick. Clean it every three months.
? I think a coin got stuck in the pump of my washer, how do I get it out
? where is the drain pump on the washing machine

Descaling the Aroma coffee machine
When the orange lamp blinks, mix one sachet of citric descaler with a litre of water in the tank.
Put a bowl below the spout, hold both cup buttons for five seconds and let the programme run for 25
minutes. Rinse with two full tanks. Vinegar attacks the seals, and damage by vinegar is not covered.
? the orange light on my coffee maker keeps flashing
? is it ok to descale the espresso machine with vinegar

Aroma coffee machine: milk froth
For stable froth take cold milk of at least 3 % fat straight from the fridge, and fill the jug to a
third. Hold the steam nozzle just below the surface until the jug feels warm, then deeper. Wipe the
nozzle at once and blow a second of steam through it, or dried milk will block it.
? my cappuccino foam collapses, which milk should I take
? how do I stop dried milk blocking the steam wand

Grinder settings for coffee beans
Turn the ring only while the grinder runs. Finer steps slow the flow: an espresso of 25 ml should
take about 25 seconds. If it drips, go two steps coarser; if it gushes and tastes sour, go finer. Oily
dark beans stick to the burrs, so clean these with grinder tablets every month.
? espresso tastes sour and runs through too fast
? what grind do I need so a shot takes 25 seconds

Kettle K200: first use
Boil the kettle twice with fresh water to the upper mark and pour it away before you make the first
drink. The base must stand on a dry, level surface. The lid has to click shut, otherwise the switch
does not turn off and the kettle boils on.
? new kettle will not switch off by itself when it boils
? do I have to boil water before I use the K200 for the first time

Kettle T350 with temperature choice
Tap the handle to step through 60, 70, 80, 90 and 100 degrees. Green tea wants 70 to 80, black tea
100. Hold the handle for three seconds to keep the water warm for half an hour. The lamp is blue
while heating and white while keeping warm.
? which kettle lets me pick 80 degrees for green tea
? how can I keep the water hot for thirty minutes

Travel kettle for two voltages
This folding kettle of silicone holds half a litre and works on 110 and 230 volts: set the switch
below the base with a coin before plugging it in. It weighs 600 grams with its bag. You need a plug
adapter abroad; a voltage converter is not needed.
? a water boiler I can take to America and Europe
? do I need a converter for the foldable kettle

Vacuum robot does not find its dock
Leave half a metre free on both sides of the dock and a metre and a half in front, and do not stand
it in sunlight, which blinds the infrared eye. Wipe the charging contacts with a dry cloth. If the
robot was carried to another room, start it there and it will search again.
? robot hoover gets lost on the way back to the charger
? why does the robot not charge any more although it is on its station

Vacuum robot: no-go lines
In the app open the map, press Edit and draw lines or boxes that the robot must not cross, for example
around pet bowls or cables. Changes hold from the next run. Without the app, lay the magnetic strip
from the box on the floor; it can be cut with scissors.
? how do I keep the vacuum away from the cat's bowls
? can I cut the magnetic tape that came with the robot

Upright vacuum: changing the belt
Unplug the cleaner and lay it face down. Undo the four screws of the sole plate, lift out the brush
roll and pull the old belt off the motor shaft. Hook the new belt over the shaft first, then around the
roll, and turn by hand to see that it runs straight. A smell of burnt rubber means a slipping belt.
? my hoover smells of burning rubber
? steps to replace the drive belt on the upright cleaner

Oven: pyrolytic cleaning
Take out racks, trays and runners, wipe up puddles of fat and lock the door. The oven heats to 480
degrees for two hours and burns all dirt to ash, which you wipe away when it is cold. Keep birds out of
the kitchen: the fumes can kill them. The door stays locked until 150 degrees.
? is the self cleaning of the oven dangerous for my parrot
? how hot does the oven get when it cleans itself

Induction hob does not know the pan
A magnet must stick to the bottom of the pan, otherwise the zone flashes and stays cold. The base has
to cover at least 12 centimetres. Aluminium, copper and glass do not work without a steel disc. A humming
sound at full power comes from thin layered pans and is harmless.
? which pots can I use on induction, will copper heat up
? the cooker hums when I turn it to maximum

Fridge too warm after shopping
Putting in much warm food raises the temperature for up to twelve hours; press Super to cool at full
power for six. Do not block the vents at the back wall. Five degrees are right for the fridge compartment
and minus eighteen for the freezer. Hot dishes should cool outside first.
? what temperature should I set for fridge and freezer
? can I put hot soup straight into the fridge

Defrosting the freezer drawer
Ice thicker than five millimetres costs a third more current. Switch off, put food in a cool box and a bowl
of hot water in the empty compartment, and leave the door open. Do not chip ice away with knives, and do
not use sprays or a hair dryer. Dry all, then switch on and wait four hours before filling.
? may I speed up the thawing of the freezer with a hair dryer
? how long do I wait before putting frozen food back in

Returns of online orders
You can send back anything bought online within 30 days of delivery. The goods must be unused and have
their labels. Print the return slip from your account and bring the parcel to any post office; the post is free
from 40 euros, below that we keep 3.95. Money comes back to the card within five working days.
? how many days do I have to send something back that I ordered on the web
? when do I see the refund on my credit card

Returns in our shops
Bring the goods and the receipt to any branch within 14 days. Without the receipt we give a voucher at
the lowest price of the last month. Purchases made online can be handed back at the till too, but money
then goes to the card used for the order, not out in cash.
? lost my receipt, can I still bring the jacket back to the store
? can I hand back a web order at the counter and get cash

What cannot be returned
Underwear, swimwear without the hygiene strip, earrings, opened cosmetics and anything made to measure
cannot be returned, neither by post nor in a branch. Food, flowers and downloaded software are excluded as
well. Faulty goods are another matter: these you may always bring back.
? can I give back a bikini I tried on
? are engraved or custom made items refundable

Damaged parcel on arrival
Photograph the parcel and what is in it before you throw anything away, and write to us within 48 hours
with the order number. We send a replacement at once and fetch the damaged piece at our cost. If the carton
is crushed you may refuse it at the door; the driver then notes it.
? my vase arrived broken, what now
? can I refuse a box that looks crushed

Exchange for another size
Shoes and clothes can be exchanged for another size once, free of charge, within 60 days. Choose Exchange in
your account, pick the size, and we reserve it as soon as the carrier scans your parcel. If the size is sold out
you get your money back instead.
? trainers are too small, can I swap them without paying again
? what happens when the size I want in exchange is gone

Warranty on electric tools
We repair tools free for three years when registered within four weeks of buying, otherwise for two. Worn
carbon brushes, blades and batteries with more than 300 charges are wear and not covered. Do not open the
housing: a broken seal ends the cover. Send the tool with the bill and a line about the fault.
? how long is my drill covered if I register it
? are worn out batteries of a power tool replaced for free

Warranty on mattresses
The core is covered for ten years against hollows deeper than two centimetres; the cover for two. Stains,
mould from a base without slats, and a feeling that has become too soft are not defects. We come and measure
with a bar across the bed. You may try the mattress for 100 nights and send it back.
? my mattress has a dip in the middle, is that a defect
? how many nights can I test the bed before deciding

Cancelling a subscription
You may end the plan at any time in Settings, Billing; it then runs to the end of the paid month and is not
billed again. Yearly plans are refunded by full unused months in the first half year only. Deleting the app does
not cancel anything. After the end we keep your data for 90 days.
? I deleted the app but I am still charged every month
? do I get money back if I stop my annual plan early

Changing the payment method
Open Settings, Billing and choose Replace card. The new card is charged one cent, which is returned, to see
that it works. If a payment failed we try again after three and seven days; the account is then paused, not
deleted. Invoices to companies can be paid by bank transfer from 500 euros a year.
? why was one cent taken from my new card
? can my company pay by wire transfer

Forgotten password
Press Forgot on the sign-in page and enter the address you registered with. The mail with the link is valid for
20 minutes and works once. If none comes, look into spam, or you signed up through a social account, which
has no password with us. After five wrong tries sign-in is blocked for an hour.
? I am locked out after typing the wrong password too many times
? the reset link in the mail says it has expired

Two-step sign-in
Scan the square code with an authenticator app, then type the six digits once to confirm. Write down the ten
backup codes: each signs you in once when the phone is lost. Text messages are offered only where no app can
be used, as they can be intercepted. Turning it off needs your password and a code.
? lost my phone, how do I log in without the authenticator
? why don't you send the six digit code by sms

Delivery times and costs
Parcels within the country take one to three working days and cost 4.90, free from 50 euros. Bulky goods such as
wardrobes come by forwarder in two weeks for 29 euros, to the kerb; for 20 more they carry it upstairs. Islands
take two days longer. Express until noon costs 12.
? will they carry the wardrobe up to my flat
? how much is shipping and when is it free

Delivery to a parcel station
Write your customer number in the second line and the station's number instead of the street. Parcels wait there
for seven days and are opened with the code from the app. Pieces above 60 centimetres or 20 kilograms do not fit
and go to the nearest post office.
? how long does my package stay in the locker
? how big can a parcel be for the pickup station

Trekking jacket Fjell
Three-layer shell with a water column of 20,000 mm and taped seams, hood fitting over a helmet, two-way zips under
the arms. 480 grams in size M. Outer fabric of recycled polyester, without fluorocarbons. Wash at 30 degrees
without softener and revive the coat in the dryer for 20 minutes.
? light waterproof shell with a hood that goes over a climbing helmet
? how do I wash the Fjell and make it repel rain again

Down jacket Tind
Filled with 130 grams of goose down of 800 cuin from certified farms. Packs into its own pocket to the size of a
one-litre bottle. Not waterproof: wet down no longer warms, so wear a shell above it. Wash with down detergent
and dry with two tennis balls until no lumps remain.
? warm jacket with feathers that packs really small
? how to get rid of clumps after washing the puffer

Softshell jacket Bris
Stretch fabric that keeps wind out and lets sweat through, with a fleece inside. Takes a light shower but no lasting
rain. Cut for running and ski touring: long back, tight cuffs, reflecting stripe. 390 grams. Washes with other
clothes at 40 degrees.
? stretchy windproof jacket for running in winter
? is the Bris enough for steady rain

Children's rain trousers Dam
Bib trousers with elastic braces and foot straps, lined with cotton jersey, for rain and mud. Seams are welded and the
knees doubled. Grow along: braces and cuffs give 8 centimetres. PU without PVC or phthalates. Hang up to dry, do not
iron or put on a heater.
? muddy puddle dungarees for a toddler
? can wet kids overalls dry on the radiator

Hiking boot Varde
High boot of oiled nubuck with a membrane and a sole for rock that any cobbler can replace. Suits hut to hut tours with a
heavy pack. Size up by half for thick socks, and walk them in for 30 kilometres. Brush off dirt, wax often, and never
dry them by the fire.
? sturdy ankle high boots for carrying a heavy backpack between huts
? can the soles of the Varde be renewed

Trail running shoe Sti
Low shoe with lugs of 5 mm, drop of 6 mm and a plate against stones; 270 grams. The mesh dries quickly but is not
waterproof. Laces close with one pull and hide in a pocket. Made for forest paths and mud, not for asphalt, which
wears the lugs out in 300 kilometres.
? lightweight grippy shoes for muddy forest paths
? will asphalt ruin the lugs of the trail shoe

Winter boot Snø for children
Boot with a felt liner that comes out to dry, warm to minus 25 degrees. Wide opening with two straps, so that small
children get in alone. Rubber foot is watertight up to the ankle. Buy one and a half sizes larger: toes need air to stay
warm. Felt must not go into the dryer.
? snow boots my four year old can put on without help
? how do I dry the felt inner boot

Sleeping bag Myr
Synthetic bag for three seasons, comfort 2 degrees, limit minus 4, 1,250 grams. Warms also when damp, so it suits canoe
trips. Two of them zip together, left and right. Store it loose and not in its sack, or the fibres stay flat. Washes at
30 degrees in a large machine.
? can I join two sleeping bags for a couple
? bag that stays warm in damp weather on the river

Tent Ly for two
Tunnel tent with two poles, 2.4 kilograms, set up in five minutes from outside in one piece, so the inner stays dry in
rain. Floor withstands 5,000 mm. One porch takes two packs. It does not stand without pegs; on rock tie the loops to
stones. Spare pole sleeve is in the bag.
? which tent can be pitched in rain without the inside getting wet
? can I put up the tunnel tent on rocky ground

Camping stove Glo
Gas stove on screw cartridges, 95 grams, boils half a litre in three and a half minutes. The piezo lighter fails above
3,000 metres, so carry matches. Never wrap a windshield around the cartridge: heat makes it burst. Below zero use
winter gas or keep the cartridge under your coat.
? gas burner does not light high up in the mountains
? is it safe to put a wind guard around the gas can

Classic tomato soup
Sweat an onion and two cloves of garlic in butter, add a kilo of ripe tomatoes and half a litre of stock, and simmer for
twenty minutes. Blend, pass through a sieve, and round off with a splash of cream and a pinch of sugar against the acid.
Basil goes in last. Serves four.
? creamy soup from fresh tomatoes for four people
? my tomato soup is too acidic, what takes that away

Cold tomato soup from Andalusia
Blend a kilo of tomatoes, half a cucumber, a green pepper, a clove of garlic and stale bread with five spoons of olive
oil and two of sherry vinegar. Salt, and chill for three hours. Serve gazpacho with diced egg and ice cubes. Nothing is
cooked, so the tomatoes must be very ripe.
? summer soup without cooking
? what do I serve with gazpacho

Lentil soup with tomatoes
Red lentils cook in fifteen minutes and need no soaking. Fry cumin and ginger in oil, add 250 grams of lentils, a tin of
tomatoes and a litre of water, and season with lemon at the end. Vegan, and freezes well for three months. Salt only
when the lentils are soft.
? do red lentils have to be soaked overnight
? vegan soup that I can freeze

Sourdough bread for beginners
Mix 100 grams of active starter, 350 of water, 500 of flour and 10 of salt. Fold four times in two hours, let rise until
half again as large, shape, and leave overnight in the fridge. Bake in a hot pot at 240 degrees, 25 minutes with lid and
20 without. The crumb must cool before cutting.
? how much starter goes into a loaf with 500 g of flour
? bake bread in a pot, when does the lid come off

Feeding a sourdough starter
Keep the jar in the fridge and feed it once a week: throw away all but a spoonful, stir in 50 grams of flour and 50 of
water, and leave it warm until it doubles. Grey liquid on top is hunger and harmless. Pink or orange streaks are mould
or bacteria: throw it out and begin anew.
? grey liquid on my starter, has it gone bad
? how often do I feed the culture if it lives in the fridge

Quick soda bread
No yeast, no waiting: mix 500 grams of flour, a teaspoon of soda, one of salt and 400 ml of buttermilk. Shape a round,
cut a cross and bake at 200 degrees for 40 minutes. It is done when it sounds hollow. Eat the same day, as it dries
quickly; toast the rest.
? bread without yeast in under an hour
? what can replace yeast, I only have buttermilk and baking soda

Pancakes, thin ones
Whisk 250 grams of flour with half a litre of milk, four eggs and a pinch of salt, and let it rest for 30 minutes so
that the flour swells. Fry thin in little butter in a hot pan; the first one always fails. Keep warm on a plate over
simmering water. Enough for ten.
? why should the crêpe batter rest
? how many eggs for ten thin pancakes

Fluffy blueberry pancakes
Stir buttermilk, one egg and melted butter into flour with two teaspoons of baking powder, only until wet: lumps are
right, beating makes them tough. Drop spoonfuls in the pan, scatter blueberries on top and turn when bubbles open.
Frozen berries go in without thawing.
? American pancakes came out tough and flat
? can I use frozen berries in the batter

Risotto with mushrooms
Soak dried ceps, fry fresh mushrooms hard in a separate pan, and cook short-grain rice with onion, wine and hot stock,
a ladle at a time, for 18 minutes, stirring. Take it off the heat, beat in cold butter and parmesan, and wait two
minutes. It should flow on the plate like a wave.
? how long do I stir risotto and when does cheese go in
? recipe with porcini and short grain rice

Fried rice from leftovers
Rice from the day before is dry enough; fresh rice turns to mush. Scramble two eggs and take them out, fry carrots, peas
and spring onions very hot, add the rice and press it flat so that it roasts, then soy sauce and sesame oil. Cool rice
fast and keep it in the fridge for one day at most.
? what to cook with yesterday's rice
? how long can cooked rice be kept

Roast chicken with lemon
Salt a bird of 1.6 kilos the day before, without cover in the fridge. Put a lemon inside, roast at 220 degrees for 20
minutes and at 180 for 45. Done at 74 degrees in the thigh. Let it rest for a quarter of an hour under foil before
carving. Potatoes fit around it from the start.
? inner temperature at which chicken is cooked
? crispy skin on a whole bird, salt it ahead or not

Cabin bags on Nordwind
In Light fares one small bag of 40 x 30 x 20 centimetres under the seat is included; a trolley of 55 x 40 x 23 and 8
kilograms costs 18 euros online and 45 at the gate. Classic and Flex include both. Musical instruments and strollers
follow their own rules.
? how big may hand luggage be on the cheapest Nordwind ticket
? what do I pay at the gate for a trolley

Checked bags on Nordwind
A suitcase of 23 kilograms costs from 25 euros, each further kilogram 11; above 32 nothing is taken. Skis and bicycles
travel as a bag at 60 euros if announced 24 hours before. Spare batteries must not be in the hold: take them into the
cabin with taped poles.
? price for taking my bike on the plane
? may I pack a power bank in the suitcase

Delayed or lost baggage
Report missing bags at the arrival desk before you leave the hall and keep the file number. We deliver it within 48
hours as a rule. Buy what you need for the first day, up to 100 euros, and send the receipts. After 21 days a bag counts
as lost. Damage must be told within seven days.
? suitcase did not arrive, can I buy clothes and be paid back
? after how many days is luggage officially lost

Changing a Nordwind flight
Flex tickets change free until an hour before departure; Classic costs 50 euros and the difference in fare; Light cannot
be changed. If we move the flight by more than three hours you may rebook or get all money back. Names can be corrected
by up to three letters free of charge.
? my name is misspelt on the ticket
? the airline moved my departure by four hours, what are my options

Travelling with a dog by train
Small dogs in a box ride free; others need a half-price ticket, a lead and a muzzle. They may not lie in the aisle and
not enter the dining car. In night trains a dog needs a whole compartment. Guide dogs ride free everywhere and need no
muzzle.
? does my labrador need a ticket on the railway
? is a pet allowed in the sleeper

Bicycles on trains
Regional trains take bikes in the marked coach without booking, as space allows and not from 6 to 9 on weekdays. Long
distance trains need a reservation for 9 euros from March to October. A folded bike in a bag is luggage and free. Electric
bikes above 30 kilos are refused.
? can I bring my bike on a local train in rush hour
? do I have to reserve a space for a bicycle on the long distance service

Refunds for late trains
From 60 minutes late you get a quarter of the fare back, from 120 minutes half. Ask in the app or with the form within
three months. If the delay is above 60 minutes before departure you may give the ticket back in full. Missed the last
connection: we pay a taxi up to 120 euros or a hotel.
? train was over an hour late, how much do I get back
? missed the last connection at night because of a delay

Night train cabins
Choose a seat, a couchette with four or six berths, or a sleeper for one to three with a basin. Bed linen and a small
breakfast are included from the couchette upwards. Women can ask for a ladies' compartment. Doors are locked from within
and the attendant wakes you half an hour before your stop.
? is breakfast part of the sleeper ticket
? compartment only for women overnight

Island ferry timetable notes
Ferries go hourly from 7 to 21 in summer and four times a day from November. Cars must be at the pier 30 minutes before,
walkers ten. In wind above force 9 sailings are cancelled, and tickets stay valid for a year. Dogs stay on deck or in the
car. The crossing takes 50 minutes.
? how early must I be at the pier with the car
? are boats cancelled in a storm and is my ticket lost

Visiting the cave
The cave has nine degrees all year, so bring a jacket and shoes with grip; there are 312 steps and no lift. Tours of an
hour start every 30 minutes and hold 25 people. No flash, as the bats sleep from October to April. Prams must stay at the
entrance, carriers are lent.
? what should I wear underground in summer
? can we go through the caverns with a stroller

City card
The card for 24, 48 or 72 hours covers buses, trams and the airport train, and entry to 31 museums once each. It starts
with its first use. Children below six need none; up to 14 pay half. Queues are skipped at the castle only with a time
slot, which you book free online.
? is the airport train included in the tourist pass
? do kids need their own city card

Hut rules
Book a bunk until noon by phone; members pay 14 euros, others 28. Bring a sleeping bag liner, as blankets are there but no
sheets. Boots stay in the entrance. Lights out at ten. There is no waste bin: carry your rubbish down. Dogs sleep in the
winter room by agreement.
? what do I bring for sleeping in the mountain hut
? where does my rubbish go at the refuge

Bleeding a radiator
If it gurgles and stays cold above, there is air in it. Turn the pump off, open the valve with the square key a quarter
turn and hold a cup below until water comes without hissing, then close. Top up the boiler to 1.5 bar. Begin on the lowest
floor.
? heater is cold at the top and makes gurgling noises
? what pressure should the boiler have after bleeding

Thermostat programme
Hold Menu for three seconds to choose week or day. Each day has six times with a temperature. The snowflake guards against
frost at 6 degrees; the open-window function stops heating for 15 minutes when it gets cold fast. Change both batteries
when the symbol blinks, or the valve stays as it is.
? what is the snowflake sign on the heating control
? why does the heating stop when I air the room

Smoke alarm beeps
One chirp a minute means a weak battery; three loud tones mean smoke. After cooking steam press the button to silence it
for ten minutes. Vacuum the slots once a year. After ten years the sensor is worn and the whole unit must be replaced; the
date stands on the back.
? smoke detector chirps every minute at night
? how old may a fire alarm get

Bicycle: setting the brakes
Disc brakes that rub: loosen both bolts of the caliper, pull the lever, and tighten them again while you hold it. Pads
below one millimetre must be changed. Never touch the disc with oily fingers; clean it with alcohol. New pads bite only
after thirty firm stops.
? disc rubs on my bike, how do I centre the caliper
? new brake pads hardly brake

Bicycle: mending a flat tyre
Take out the wheel, lever one side of the tyre off and pull out the tube. Pump it up and hold it in water to find the
hole, roughen the spot, spread the solution thin, wait five minutes and press on the patch. Feel inside the tyre for the
thorn before putting it back.
? puncture on the road, how to patch the inner tube
? how long does the rubber solution need before the patch goes on

Electric bike battery care
Keep the battery between 30 and 80 % and at 10 to 20 degrees when not riding; below zero charge it only after it has
warmed up. It loses a fifth of its range in frost. A full charge takes four and a half hours. Do not use a pressure washer
near the contacts. 1,000 full charges are normal.
? how do I store my e-bike over the winter
? can I charge a frozen battery

Houseplants: watering
Push a finger two centimetres into the soil: water when it is dry. Most plants die from too much, not too little. Pour
away what stands in the saucer after half an hour. Yellow soft leaves mean wet feet, brown crisp tips dry air. In winter
half as much is enough.
? leaves turn yellow and soft, too much or too little water
? how do I know when to water my pot plants

Orchids after flowering
Cut the stalk above the third node and a new one may grow from there; if it turns brown, cut it at the base. Dip the pot
in lukewarm water once a week for ten minutes and let it drain. Grey roots are thirsty, green ones are not. Repot in bark,
never in soil, every two years.
? where to cut an orchid that has finished blooming
? my orchid roots look grey

Tomatoes on the balcony
Plant after the middle of May in pots of at least 20 litres, deep, up to the first leaves. Break out side shoots each week
on tall kinds. Water at the foot and never over the leaves, or blight comes. Feed weekly from the first fruit. A roof
against rain helps most.
? when can I put tomato plants outside
? how do I avoid blight on balcony tomatoes
"""

static void phase_0_1_0(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        real *p4 = slot[4].now + b * slot[4].row;
        real *p5 = slot[5].now + b * slot[5].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p7 = slot[7].now + b * slot[7].row;
        real *p8 = slot[8].now + b * slot[8].row;
        real *p9 = slot[9].now + b * slot[9].row;
        real *p10 = slot[10].now + b * slot[10].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n6 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n8 = load(tile[0] + r * stride[0] + (1 * vectors + v) * LANES);
            vec n10 = load(tile[0] + r * stride[0] + (2 * vectors + v) * LANES);
            vec n12 = load(tile[0] + r * stride[0] + (3 * vectors + v) * LANES);
            vec n1 = READ(p0);
            vec n7 = n6 + n1;
            vec n2 = READ(p1);
            vec n9 = n8 + n2;
            vec n3 = READ(p2);
            vec n11 = n10 + n3;
            vec n4 = READ(p3);
            vec n13 = n12 + n4;
            vec n14 = sigmoid_(n13);
            vec n15 = sigmoid_(n9);
            vec n16 = READ(p4);
            vec n17 = n15 * n16;
            vec n18 = sigmoid_(n7);
            vec n19 = tanh_(n11);
            vec n20 = n18 * n19;
            vec n21 = n17 + n20;
            vec n22 = tanh_(n21);
            vec n23 = n14 * n22;
            WRITE(p5, n23);
            WRITE(p6, n21);
            WRITE(p7, n14);
            WRITE(p8, n15);
            WRITE(p9, n18);
            WRITE(p10, n19);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n6 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            vec n8 = load(tile[0] + r * stride[0] + (1 * vectors + v) * LANES);
            vec n10 = load(tile[0] + r * stride[0] + (2 * vectors + v) * LANES);
            vec n12 = load(tile[0] + r * stride[0] + (3 * vectors + v) * LANES);
            vec n1 = READ(p0);
            vec n7 = n6 + n1;
            vec n2 = READ(p1);
            vec n9 = n8 + n2;
            vec n3 = READ(p2);
            vec n11 = n10 + n3;
            vec n4 = READ(p3);
            vec n13 = n12 + n4;
            vec n14 = sigmoid_(n13);
            vec n15 = sigmoid_(n9);
            vec n16 = READ(p4);
            vec n17 = n15 * n16;
            vec n18 = sigmoid_(n7);
            vec n19 = tanh_(n11);
            vec n20 = n18 * n19;
            vec n21 = n17 + n20;
            vec n22 = tanh_(n21);
            vec n23 = n14 * n22;
            WRITE(p5, n23);
            WRITE(p6, n21);
            WRITE(p7, n14);
            WRITE(p8, n15);
            WRITE(p9, n18);
            WRITE(p10, n19);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_1_1(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p0 = slot[0].now + b * slot[0].row;
        real *p1 = slot[1].now + b * slot[1].row;
        real *p2 = slot[2].now + b * slot[2].row;
        real *p3 = slot[3].now + b * slot[3].row;
        real *p4 = slot[4].now + b * slot[4].row;
        real *p5 = slot[5].now + b * slot[5].row;
        real *p6 = slot[6].now + b * slot[6].row;
        real *p7 = slot[7].now + b * slot[7].row;
        real *p8 = slot[8].now + b * slot[8].row;
        real *p9 = slot[9].now + b * slot[9].row;
        real *p10 = slot[10].now + b * slot[10].row;
        real *p11 = slot[11].now + b * slot[11].row;
        real *p12 = slot[12].now + b * slot[12].row;
        real *p13 = slot[13].now + b * slot[13].row;
        real *p14 = slot[14].now + b * slot[14].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n21 = READ(p0);
            vec n22 = tanh_(n21);
            vec n24 = READ(p1);
            vec n25 = READ(p2);
            vec n29 = n24 + n25;
            vec n30 = n29 * n22;
            vec n14 = READ(p3);
            vec n31 = n29 * n14;
            vec n32 = n22 * n22;
            vec n34 = set((real)0x1.0000000000000p+0) - n32;
            vec n35 = n31 * n34;
            vec n26 = READ(p4);
            vec n27 = READ(p5);
            vec n36 = n26 + n27;
            vec n37 = n36 + n35;
            vec n19 = READ(p6);
            vec n38 = n37 * n19;
            vec n18 = READ(p7);
            vec n39 = n37 * n18;
            vec n40 = n19 * n19;
            vec n41 = set((real)0x1.0000000000000p+0) - n40;
            vec n42 = n39 * n41;
            vec n43 = set((real)0x1.0000000000000p+0) - n18;
            vec n44 = n18 * n43;
            vec n45 = n38 * n44;
            vec n16 = READ(p8);
            vec n46 = n37 * n16;
            vec n15 = READ(p9);
            vec n47 = n37 * n15;
            vec n48 = set((real)0x1.0000000000000p+0) - n15;
            vec n49 = n15 * n48;
            vec n50 = n46 * n49;
            vec n51 = set((real)0x1.0000000000000p+0) - n14;
            vec n52 = n14 * n51;
            vec n53 = n30 * n52;
            WRITE(p10, n53);
            WRITE(p11, n42);
            WRITE(p12, n50);
            WRITE(p13, n45);
            WRITE(p14, n47);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n21 = READ(p0);
            vec n22 = tanh_(n21);
            vec n24 = READ(p1);
            vec n25 = READ(p2);
            vec n29 = n24 + n25;
            vec n30 = n29 * n22;
            vec n14 = READ(p3);
            vec n31 = n29 * n14;
            vec n32 = n22 * n22;
            vec n34 = set((real)0x1.0000000000000p+0) - n32;
            vec n35 = n31 * n34;
            vec n26 = READ(p4);
            vec n27 = READ(p5);
            vec n36 = n26 + n27;
            vec n37 = n36 + n35;
            vec n19 = READ(p6);
            vec n38 = n37 * n19;
            vec n18 = READ(p7);
            vec n39 = n37 * n18;
            vec n40 = n19 * n19;
            vec n41 = set((real)0x1.0000000000000p+0) - n40;
            vec n42 = n39 * n41;
            vec n43 = set((real)0x1.0000000000000p+0) - n18;
            vec n44 = n18 * n43;
            vec n45 = n38 * n44;
            vec n16 = READ(p8);
            vec n46 = n37 * n16;
            vec n15 = READ(p9);
            vec n47 = n37 * n15;
            vec n48 = set((real)0x1.0000000000000p+0) - n15;
            vec n49 = n15 * n48;
            vec n50 = n46 * n49;
            vec n51 = set((real)0x1.0000000000000p+0) - n14;
            vec n52 = n14 * n51;
            vec n53 = n30 * n52;
            WRITE(p10, n53);
            WRITE(p11, n42);
            WRITE(p12, n50);
            WRITE(p13, n45);
            WRITE(p14, n47);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

static void phase_1_2_2(const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, long vectors) {
    for (long r = 0; r < rows; r++, b++) {
        real *p15 = slot[15].now + b * slot[15].row;
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {
            vec n54 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            WRITE(p15, n54);
        }
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {
            vec n54 = load(tile[0] + r * stride[0] + (0 * vectors + v) * LANES);
            WRITE(p15, n54);
        }
#undef READ
#undef WRITE
#undef INSIDE
    }
}

Body *const bodies[] = {phase_0_1_0, phase_1_1_1, phase_1_2_2};
Reducer *const reducers[] = {0};
